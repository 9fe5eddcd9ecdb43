using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using Agent.Dns;
using Agent.Kubernetes;

namespace Agent.Observability.Flows;

/// <summary>Makes of what a serving thread left what people see.</summary>
internal sealed class FlowReader
{
    private const int MaxAddresses = 8;

    private static readonly string[] _verdicts = [.. Enum.GetValues<Verdict>().Select(verdict => verdict.ToString().ToLowerInvariant())];

    // One without a name is its number.
    private static readonly string[] _codes = [.. Enumerable.Range(0, (int)ResponseCode.BadVers + 1).Select(code => ((ResponseCode)code).ToString().ToUpperInvariant())];

    // Between the monotonic clock, by which flows are noted, and that of people; taken anew for each reader.
    private readonly long _ticksAtStart = Stopwatch.GetTimestamp();
    private readonly DateTimeOffset _timeAtStart = DateTimeOffset.UtcNow;

    /// <summary>As <c>--verdict</c> takes them.</summary>
    public static IReadOnlyList<string> Verdicts { get; } = [.. _verdicts.Where(name => name != "forwarded")];

    /// <param name="timestamp">By <see cref="Stopwatch.GetTimestamp"/>, which counts what the kernel's CLOCK_MONOTONIC does.</param>
    public DateTimeOffset TimeOf(long timestamp) => _timeAtStart + TimeSpan.FromTicks((timestamp - _ticksAtStart) / (Stopwatch.Frequency / TimeSpan.TicksPerSecond));

    public static string VerdictOf(in FlowSlot slot) => _verdicts[(int)slot.Verdict];

    /// <summary>Null: no reply.</summary>
    public static string? CodeOf(in FlowSlot slot) =>
        slot.ReplySize == 0 ? null : _codes[(int)(slot.IsBadVersion ? ResponseCode.BadVers : new Header(slot.Message).ResponseCode)];

    public static double MicrosecondsOf(in FlowSlot slot) => Math.Round(Stopwatch.GetElapsedTime(slot.Since, slot.At).TotalMicroseconds, 1);

    /// <param name="pod">Whose the client's address is, if it is known.</param>
    public Flow Read(in FlowSlot slot, Pod? pod)
    {
        ReadOnlySpan<byte> message = ((ReadOnlySpan<byte>)slot.Message)[..slot.Kept];
        bool hasReply = slot.ReplySize > 0;
        int question = message.Length > Header.Size ? DnsName.Measure(message[Header.Size..]) : 0;
        int end = Header.Size + question + 4;
        bool hasQuestion = question > 0 && end <= message.Length;
        return new Flow
        {
            Time = TimeOf(slot.At),
            Source = Flow.Dns,
            Pod = pod?.Key.ToString(),
            Client = slot.Client.ToEndPoint().ToString(),
            Name = hasQuestion ? NameOf(message.Slice(Header.Size, question)) : null,
            Type = hasQuestion ? Presentation.TypeName(BinaryPrimitives.ReadUInt16BigEndian(message[(end - 4)..])) : null,
            Class = hasQuestion ? ClassName(BinaryPrimitives.ReadUInt16BigEndian(message[(end - 2)..])) : null,
            Verdict = VerdictOf(slot),
            Rcode = CodeOf(slot),
            LatencyMicroseconds = MicrosecondsOf(slot),
            Protocol = slot.IsTcp ? "tcp" : "udp",
            Addresses = hasReply && hasQuestion ? AddressesOf(message, end) : null,
            Message = MessageOf(slot, message),
        };
    }

    private static FlowMessage MessageOf(in FlowSlot slot, ReadOnlySpan<byte> message)
    {
        bool hasReply = slot.ReplySize > 0;
        return new FlowMessage(
            message.Length >= Header.Size ? new Header(message).Id : (ushort)0,
            slot.QuerySize,
            slot.ReplySize,
            hasReply ? FlagsOf(message) : null,
            slot.IsDnssecOk,
            slot.IsTcp ? ushort.MaxValue : slot.UdpSize);
    }

    private static string NameOf(ReadOnlySpan<byte> name)
    {
        Span<byte> lower = stackalloc byte[DnsName.MaxLength];
        DnsName.ToLower(name, lower);
        return DnsName.ToText(lower);
    }

    private static string ClassName(ushort value) => value switch
    {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        _ => $"CLASS{value}",
    };

    private static string FlagsOf(ReadOnlySpan<byte> message)
    {
        byte high = message[2];
        byte low = message[3];
        ReadOnlySpan<(bool IsSet, string Name)> flags =
        [
            ((high & 0x80) != 0, "qr"), ((high & 0x04) != 0, "aa"), ((high & 0x02) != 0, "tc"), ((high & 0x01) != 0, "rd"),
            ((low & 0x80) != 0, "ra"), ((low & 0x40) != 0, "z"), ((low & 0x20) != 0, "ad"), ((low & 0x10) != 0, "cd"),
        ];
        List<string> set = [];
        foreach ((bool isSet, string name) in flags)
        {
            if (isSet)
                set.Add(name);
        }

        return string.Join(',', set);
    }

    /// <summary>Reads as many addresses as there are in what was kept.</summary>
    private static List<string>? AddressesOf(ReadOnlySpan<byte> message, int offset)
    {
        List<string>? addresses = null;
        for (int left = new Header(message).AnswerCount; left > 0 && (addresses?.Count ?? 0) < MaxAddresses; left--)
        {
            int data = DnsName.Skip(message, offset) + 10;
            if (data < 10 || data > message.Length)
                break;
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(message[(data - 10)..]);
            int length = BinaryPrimitives.ReadUInt16BigEndian(message[(data - 2)..]);
            offset = data + length;
            if (offset > message.Length)
                break;
            if ((type == RecordType.A && length == 4) || (type == RecordType.Aaaa && length == 16))
                (addresses ??= []).Add(new IPAddress(message.Slice(data, length)).ToString());
        }

        return addresses;
    }
}
