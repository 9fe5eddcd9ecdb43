using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>Composes a message with name compression (RFC 1035 section 4.1.4). Reused; for one thread.</summary>
internal sealed class MessageWriter
{
    private const int MaxSuffixes = 64; // enough to find owners and chain targets again; more would cost more than they save
    private const int MaxLabels = 300_000; // compared for a whole message: names that nearly match must not cost more than they save
    private const int MaxPointer = 0x3FFF;

    private readonly byte[] _buffer = new byte[ushort.MaxValue];
    private readonly ushort[] _suffixes = new ushort[MaxSuffixes];
    private int _suffixCount;
    private int _labels;

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Message => _buffer.AsSpan(0, Length);

    public Span<byte> Header => _buffer.AsSpan(0, Dns.Header.Size);

    /// <summary>Starts a message with a cleared header.</summary>
    public void Begin()
    {
        Header.Clear();
        Length = Dns.Header.Size;
        _suffixCount = 0;
        _labels = 0;
    }

    /// <summary>False when the message would grow over 65,535 bytes.</summary>
    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.TryCopyTo(_buffer.AsSpan(Length)))
            return false;
        Length += bytes.Length;
        return true;
    }

    public bool TryWriteUInt16(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return TryWrite(bytes);
    }

    /// <summary>Writes an expanded name, its longest known suffix as a pointer.</summary>
    public bool TryWriteName(ReadOnlySpan<byte> name, bool compress = true)
    {
        for (int i = 0; compress && name[i] != 0; i += name[i] + 1)
        {
            if (FindSuffix(name[i..]) is int known and >= 0)
                return TryWrite(name[..i]) && TryWriteUInt16(0xC000 | known);
            if (_suffixCount < MaxSuffixes && Length + i <= MaxPointer)
                _suffixes[_suffixCount++] = (ushort)(Length + i);
        }

        return TryWrite(name);
    }

    /// <summary>Writes a length over the two bytes at <paramref name="offset"/>.</summary>
    public void PatchUInt16(int offset, int value) => BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(offset), (ushort)value);

    private int FindSuffix(ReadOnlySpan<byte> suffix)
    {
        for (int i = 0; i < _suffixCount && _labels < MaxLabels; i++)
        {
            // A suffix of the name being written is noted before its bytes are there.
            if (_suffixes[i] >= Length)
                break;
            bool isSame = DnsName.Equals(_buffer, _suffixes[i], suffix, 0, out int labels);
            _labels += labels;
            if (isSame)
                return _suffixes[i];
        }

        return -1;
    }
}
