using System.Buffers.Binary;

namespace Agent.Dns;

/// <summary>The twelve bytes that start a message (RFC 1035 section 4.1.1).</summary>
public readonly ref struct Header(ReadOnlySpan<byte> message)
{
    /// <summary>Bytes.</summary>
    public const int Size = 12;

    // Bits of the third byte, then of the fourth.
    internal const byte Response = 0x80;
    internal const byte Truncated = 0x02;
    internal const byte RecursionDesired = 0x01;
    internal const byte RecursionAvailable = 0x80;
    internal const byte CheckingDisabled = 0x10;

    private readonly ReadOnlySpan<byte> _bytes = message[..Size];

    public ushort Id => BinaryPrimitives.ReadUInt16BigEndian(_bytes);

    public bool IsResponse => (_bytes[2] & Response) != 0;

    public int Opcode => (_bytes[2] >> 3) & 0x0F;

    public bool IsTruncated => (_bytes[2] & Truncated) != 0;

    public bool WantsRecursion => (_bytes[2] & RecursionDesired) != 0;

    public bool IsCheckingDisabled => (_bytes[3] & CheckingDisabled) != 0;

    /// <summary>The lower four bits of the RCODE.</summary>
    public ResponseCode ResponseCode => (ResponseCode)(_bytes[3] & 0x0F);

    public ushort QuestionCount => BinaryPrimitives.ReadUInt16BigEndian(_bytes[4..]);

    public ushort AnswerCount => BinaryPrimitives.ReadUInt16BigEndian(_bytes[6..]);

    public ushort AuthorityCount => BinaryPrimitives.ReadUInt16BigEndian(_bytes[8..]);

    public ushort AdditionalCount => BinaryPrimitives.ReadUInt16BigEndian(_bytes[10..]);
}
