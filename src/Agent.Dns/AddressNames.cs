namespace Agent.Dns;

/// <summary>
/// The names that an address leads to, in one array, because there is one for every endpoint: the address with its length before it, then each
/// name without what all of them end in: (host,) Service and namespace, ended by a zero.
/// </summary>
internal static class AddressNames
{
    /// <summary>Whether these are the names of this address.</summary>
    public static bool Are(ReadOnlySpan<byte> names, ReadOnlySpan<byte> address) => names[0] == address.Length && names.Slice(1, address.Length).SequenceEqual(address);

    /// <summary>The same with one name more.</summary>
    /// <param name="names">Null: none so far.</param>
    public static byte[] With(byte[]? names, ReadOnlySpan<byte> address, ReadOnlySpan<byte> name)
    {
        if (names == null)
            return [(byte)address.Length, .. address, .. name, 0];
        return Find(names, name) < 0 ? [.. names, .. name, 0] : names;
    }

    /// <summary>The same with one name less; null when none is left.</summary>
    public static byte[]? Without(byte[]? names, ReadOnlySpan<byte> name)
    {
        int at = names == null ? -1 : Find(names, name);
        if (at < 0)
            return names;
        byte[] rest = [.. names!.AsSpan(0, at), .. names.AsSpan(at + name.Length + 1)];
        return rest.Length == 1 + rest[0] ? null : rest;
    }

    /// <summary>Steps to the next name.</summary>
    /// <param name="offset">Where the last one ended; 0 before the first.</param>
    /// <param name="name">Without its zero.</param>
    /// <param name="isService">Whether it has no host: the address is the Service's own.</param>
    public static bool TryNext(ReadOnlySpan<byte> names, ref int offset, out ReadOnlySpan<byte> name, out bool isService)
    {
        name = default;
        isService = false;
        if (offset == 0)
            offset = 1 + names[0];
        if (offset >= names.Length)
            return false;
        int labels = 0;
        int end = offset;
        for (; names[end] != 0; end += 1 + names[end])
            labels++;
        name = names[offset..end];
        isService = labels == 2;
        offset = end + 1;
        return true;
    }

    private static int Find(ReadOnlySpan<byte> names, ReadOnlySpan<byte> name)
    {
        for (int offset = 0; TryNext(names, ref offset, out ReadOnlySpan<byte> candidate, out _);)
        {
            if (candidate.SequenceEqual(name))
                return offset - 1 - name.Length;
        }

        return -1;
    }
}
