namespace Agent.Dns;

/// <summary>
/// One part of the cache. Eviction is S3-FIFO (Yang et al., SOSP 2023): a new entry waits in a small queue, a tenth of the budget, and reaches
/// the main queue only when it is asked for again, there or soon after it was dropped. A flood of names asked once passes through the small
/// queue and never touches the main one.
/// </summary>
internal sealed class CacheShard(long budget, int buckets)
{
    private const int NodeSize = 64; // bytes: a node and its bucket
    private const byte MaxFrequency = 3;
    private const byte PromoteFrequency = 1;

    private readonly Lock _writes = new();
    private readonly Node?[] _buckets = new Node?[buckets];
    private readonly uint[] _ghosts = new uint[buckets]; // fingerprints of what the small queue dropped lately
    private Fifo _small;
    private Fifo _main;

    public int Count { get; private set; }

    public long Bytes => _small.Bytes + _main.Bytes;

    public long Evictions { get; private set; }

    /// <summary>Finds the entry, fresh or not. Takes no lock: nodes that leave the table keep their link to the next.</summary>
    public bool TryFind(ulong hash, in Query query, out CacheEntry entry)
    {
        for (Node? node = Volatile.Read(ref Bucket(hash)); node != null; node = node.Next)
        {
            if (node.Hash != hash)
                continue;
            entry = node.Entry;
            if (!entry.Answers(query))
                continue;
            if (node.Frequency < MaxFrequency)
                node.Frequency++;
            return true;
        }

        entry = default;
        return false;
    }

    public void Store(ulong hash, CacheEntry entry, int nameLength)
    {
        lock (_writes)
        {
            if (Find(hash, entry, nameLength) is { } known)
                Replace(known, entry);
            else if (entry.Size + NodeSize <= budget / 2)
                Add(hash, entry);
            EvictToBudget();
        }
    }

    private ref Node? Bucket(ulong hash) => ref _buckets[hash & (ulong)(_buckets.Length - 1)];

    private ref uint Ghost(ulong hash) => ref _ghosts[hash & (ulong)(_ghosts.Length - 1)];

    private Node? Find(ulong hash, CacheEntry entry, int nameLength)
    {
        for (Node? node = Bucket(hash); node != null; node = node.Next)
        {
            if (node.Hash == hash && node.Entry.IsSameQuestion(entry, nameLength))
                return node;
        }

        return null;
    }

    private void Replace(Node node, CacheEntry entry)
    {
        ref Fifo queue = ref node.InMain ? ref _main : ref _small;
        queue.Bytes += entry.Size - node.Entry.Size;
        node.Entry = entry;
    }

    private void Add(ulong hash, CacheEntry entry)
    {
        ref uint ghost = ref Ghost(hash);
        bool wasDropped = ghost == Fingerprint(hash);
        if (wasDropped)
            ghost = 0;
        Node node = new() { Hash = hash, Entry = entry, Next = Bucket(hash), InMain = wasDropped };
        Volatile.Write(ref Bucket(hash), node);
        Enqueue(node);
        Count++;
    }

    private void Enqueue(Node node)
    {
        ref Fifo queue = ref node.InMain ? ref _main : ref _small;
        queue.Enqueue(node);
    }

    private void EvictToBudget()
    {
        while (Bytes > budget)
        {
            if (_small.Bytes > budget / 10 || _main.Bytes == 0)
                EvictFromSmall();
            else
                EvictFromMain();
        }
    }

    private void EvictFromSmall()
    {
        Node node = _small.Dequeue();
        if (node.Frequency >= PromoteFrequency)
        {
            node.Frequency = 0;
            node.InMain = true;
            Enqueue(node);
            return;
        }

        Ghost(node.Hash) = Fingerprint(node.Hash);
        Drop(node);
    }

    private void EvictFromMain()
    {
        Node node = _main.Dequeue();
        if (node.Frequency == 0)
        {
            Drop(node);
            return;
        }

        node.Frequency--;
        Enqueue(node);
    }

    private void Drop(Node node)
    {
        ref Node? link = ref Bucket(node.Hash);
        while (link != node)
            link = ref link!.Next;
        Volatile.Write(ref link, node.Next);
        Count--;
        Evictions++;
    }

    private static uint Fingerprint(ulong hash) => (uint)(hash >> 24) | 1;

    private sealed class Node
    {
        public required ulong Hash { get; init; }

        // One reference, so readers see the old entry or the new one, never a mix.
        public required CacheEntry Entry { get; set; }

        public Node? Next;

        public Node? NextInQueue { get; set; }

        public bool InMain { get; set; }

        // How often it was asked for, up to three. Threads may lose each other's counts; that does no harm.
        public byte Frequency { get; set; }
    }

    private struct Fifo
    {
        private Node? _head;
        private Node? _tail;

        public long Bytes { readonly get; set; }

        public void Enqueue(Node node)
        {
            Bytes += node.Entry.Size + NodeSize;
            if (_tail == null)
                _head = node;
            else
                _tail.NextInQueue = node;
            _tail = node;
        }

        /// <summary>Takes the oldest node; the queue must not be empty.</summary>
        public Node Dequeue()
        {
            Node node = _head!;
            _head = node.NextInQueue;
            _tail = _head == null ? null : _tail;
            node.NextInQueue = null;
            Bytes -= node.Entry.Size + NodeSize;
            return node;
        }
    }
}
