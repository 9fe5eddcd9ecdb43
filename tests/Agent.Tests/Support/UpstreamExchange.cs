using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Agent.Tests.Support;

/// <summary>One query that reached a <see cref="ScriptedUpstream"/>, and the ways to answer it or not.</summary>
internal sealed class UpstreamExchange(byte[] bytes, IPEndPoint client, Socket? connection)
{
    public byte[] Bytes => bytes;

    public DnsMessage Query { get; } = DnsMessage.Parse(bytes);

    public IPEndPoint Client => client;

    public bool IsProbe => Query.Questions is [{ Name: "", Type: RR.Ns }];

    public bool IsLoopCheck => Query.Questions is [{ Type: RR.Hinfo } question] && question.Name.Split('.')[0] is { Length: 32 } label && label.All(char.IsAsciiHexDigit);

    /// <summary>Whether the agent asks for itself and not for a client.</summary>
    public bool IsOwn => IsProbe || IsLoopCheck;

    public bool IsTcp => connection != null;

    /// <summary>In lower case: over UDP the agent varies the letters (P34).</summary>
    public string Name => Query.Name.ToLowerInvariant();

    /// <summary>When it came (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public long ReceivedAt { get; } = Stopwatch.GetTimestamp();

    public required Action<byte[]> Write { private get; init; }

    public Task Answer(params ResourceRecord[] answers) => Send(Query.Reply(answers));

    public Task Fail(int code) => Send(Query.Reply(code));

    public Task Send(DnsMessage message) => Send(message.ToBytes());

    /// <summary>Sends one message of any bytes: a datagram, or over TCP with its length before it.</summary>
    public Task Send(byte[] message)
    {
        Write(IsTcp ? Framed(message) : message);
        return Task.CompletedTask;
    }

    /// <summary>Sends bytes as they are, over TCP.</summary>
    public void SendRaw(byte[] raw) => Write(raw);

    public void Close() => connection!.Shutdown(SocketShutdown.Both);

    public static byte[] Framed(byte[] message) => [(byte)(message.Length >> 8), (byte)message.Length, .. message];
}
