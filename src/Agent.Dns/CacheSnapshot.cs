namespace Agent.Dns;

/// <summary>
/// A cache as bytes: each answer with its age and as the message that an upstream would have sent, so that it is read with the same checks as one
/// (<see cref="UpstreamResponse"/>).
/// </summary>
public static class CacheSnapshot
{
    private const byte End = 0xFF; // where the next answer's key flags would stand
    private const long LongestAge = uint.MaxValue; // milliseconds: more than the longest life and the longest time of serving stale

    /// <summary>Writes the answers that were asked for most.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>Their number.</returns>
    public static int Write(ResponseCache cache, CacheSelection selection, BinaryWriter to, long now)
    {
        int count = 0;
        long left = selection.Bytes;
        byte[] message = new byte[ushort.MaxValue];
        foreach (CacheEntry entry in cache.MostAsked(now))
        {
            int length = entry.Message.Length;
            long age = Math.Max(0, now - entry.StoredAt);
            if (age > LongestAge || selection.LeavesOut(entry.Name))
                continue;
            left -= sizeof(byte) + sizeof(uint) + sizeof(ushort) + length;
            if (left < 0)
                break;
            to.Write((byte)entry.Flags);
            to.Write((uint)age);
            to.Write((ushort)length);
            entry.CopyTo(message.AsSpan(0, length));
            to.Write(message.AsSpan(0, length));
            count++;
        }

        to.Write(End);
        return count;
    }

    /// <summary>Puts the answers into a cache, as much older as they are; what cannot be an answer, or is too old, is passed over.</summary>
    /// <param name="limits">Of lifetimes; none gets longer.</param>
    /// <param name="time">Monotonic milliseconds now, and since they were written, at least 0.</param>
    /// <returns>The number of answers taken.</returns>
    /// <exception cref="EndOfStreamException">There are fewer bytes than there should be.</exception>
    public static int Read(ResponseCache cache, BinaryReader from, CacheLimits limits, (long Now, long Elapsed) time)
    {
        UpstreamResponse reader = new(limits with { MinTtl = 0 });
        byte[] message = new byte[ushort.MaxValue];
        byte[] key = new byte[Query.MaxKeyLength];
        int count = 0;
        for (byte flags = from.ReadByte(); flags != End; flags = from.ReadByte())
        {
            long storedAt = time.Now - time.Elapsed - from.ReadUInt32();
            Span<byte> answer = message.AsSpan(0, from.ReadUInt16());
            from.BaseStream.ReadExactly(answer);
            int keyLength = KeyOf(answer, (KeyFlags)flags, key);
            if (keyLength == 0 || reader.Read(answer, key.AsSpan(0, keyLength), storedAt, out CacheEntry entry) != ResponseVerdict.Answered)
                continue;
            count += cache.TryRestore(key.AsSpan(0, keyLength), entry, time.Now) ? 1 : 0;
        }

        return count;
    }

    /// <summary>Writes the key of the question that a message answers.</summary>
    /// <returns>Its length in bytes; 0 when no client's question has it.</returns>
    private static int KeyOf(ReadOnlySpan<byte> message, KeyFlags flags, Span<byte> key)
    {
        if (message.Length < Header.Size || (flags & ~(KeyFlags.DnssecOk | KeyFlags.CheckingDisabled)) != 0)
            return 0;
        ReadOnlySpan<byte> question = message[Header.Size..];
        int nameLength = DnsName.Measure(question);
        if (nameLength == 0 || question.Length < nameLength + 4)
            return 0;
        DnsName.ToLower(question[..nameLength], key);
        question.Slice(nameLength + 2, 2).CopyTo(key[nameLength..]);
        key[nameLength + 2] = (byte)flags;
        question.Slice(nameLength, 2).CopyTo(key[(nameLength + 3)..]);
        return Query.OfKey(key[..(nameLength + 5)]).IsOutOfScope ? 0 : nameLength + 5;
    }
}

/// <summary>Which answers are written.</summary>
/// <param name="Bytes">At the most.</param>
/// <param name="Without">Zones whose names are left out; expanded, lower case.</param>
public sealed record CacheSelection(long Bytes, IReadOnlyList<byte[]> Without)
{
    internal bool LeavesOut(ReadOnlySpan<byte> name)
    {
        foreach (byte[] zone in Without)
        {
            if (DnsName.IsInZone(name, zone))
                return true;
        }

        return false;
    }
}
