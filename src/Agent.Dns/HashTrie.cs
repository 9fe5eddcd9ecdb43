namespace Agent.Dns;

/// <summary>
/// A map from keyed 64-bit hashes that is never changed, so that readers need no lock: an <see cref="Editor"/> makes the next version, which
/// shares with this one all but the paths to what differs. Two keys with one hash replace each other.
/// </summary>
internal sealed class HashTrie<T> where T : class
{
    private const int RootShift = 56;
    private const int MiddleShift = 50;
    private const int MiddleSize = 64;

    private readonly Entry[]?[]?[] _root;

    private HashTrie(Entry[]?[]?[] root) => _root = root;

    public static HashTrie<T> Empty { get; } = new(new Entry[]?[]?[1 << (64 - RootShift)]);

    /// <summary>All values, in no order.</summary>
    public IEnumerable<T> Values =>
        _root.OfType<Entry[]?[]>().SelectMany(middle => middle).OfType<Entry[]>().SelectMany(leaf => leaf).Select(entry => entry.Value);

    public T? Find(ulong hash) => Find(_root, hash);

    private static T? Find(Entry[]?[]?[] root, ulong hash)
    {
        if (root[hash >> RootShift]?[MiddleIndex(hash)] is { } leaf)
        {
            foreach (ref readonly Entry entry in leaf.AsSpan())
            {
                if (entry.Hash == hash)
                    return entry.Value;
            }
        }

        return null;
    }

    private static int MiddleIndex(ulong hash) => (int)(hash >> MiddleShift) & (MiddleSize - 1);

    private readonly record struct Entry(ulong Hash, T Value);

    /// <summary>Makes one version of another. Not for more than one thread.</summary>
    public sealed class Editor(HashTrie<T> from)
    {
        private readonly bool[] _isOwned = new bool[from._root.Length];
        private Entry[]?[]?[]? _edited;

        private Entry[]?[]?[] Root => _edited ?? from._root;

        public T? Find(ulong hash) => HashTrie<T>.Find(Root, hash);

        /// <summary>Puts a value in place of whatever the hash had; null: nothing.</summary>
        public void Set(ulong hash, T? value)
        {
            ref Entry[]? leaf = ref Leaf(hash);
            int at = Array.FindIndex(leaf ?? [], entry => entry.Hash == hash);
            if (value == null)
                leaf = at < 0 ? leaf : Without(leaf!, at);
            else if (at >= 0)
                (leaf = [.. leaf!])[at] = new Entry(hash, value);
            else
                leaf = [.. leaf ?? [], new Entry(hash, value)];
        }

        /// <summary>The version with all that was set.</summary>
        public HashTrie<T> ToTrie() => _edited == null ? from : new HashTrie<T>(_edited);

        private ref Entry[]? Leaf(ulong hash)
        {
            _edited ??= [.. from._root];
            int at = (int)(hash >> RootShift);
            if (!_isOwned[at])
            {
                _edited[at] = _edited[at] is { } shared ? [.. shared] : new Entry[]?[MiddleSize];
                _isOwned[at] = true;
            }

            return ref _edited[at]![MiddleIndex(hash)];
        }

        private static Entry[]? Without(Entry[] leaf, int at) => leaf.Length == 1 ? null : [.. leaf[..at], .. leaf[(at + 1)..]];
    }
}
