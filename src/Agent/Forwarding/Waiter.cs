using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>A client whose query waits for a flight: enough of its message to answer it later. Pooled.</summary>
internal sealed class Waiter
{
    private readonly byte[] _head = new byte[Header.Size + DnsName.MaxLength + 4];
    private int _headLength;
    private bool _hasEdns;
    private bool _wantsKeepalive;
    private ushort _udpSize;

    public SockAddr Client;

    /// <summary>The client's TCP connection; null over UDP.</summary>
    public object? Connection { get; private set; }

    public Waiter? Next { get; set; }

    public void Begin(in Query query, in SockAddr client, object? connection)
    {
        query.Head.CopyTo(_head);
        _headLength = query.Head.Length;
        _hasEdns = query.HasEdns;
        _wantsKeepalive = query.WantsKeepalive;
        _udpSize = query.UdpSize;
        Client = client;
        Connection = connection;
    }

    public void End() => Connection = null;

    /// <summary>The query as it was, under the key of its flight.</summary>
    public Query Query(ReadOnlySpan<byte> key) => Dns.Query.Restore(_head.AsSpan(0, _headLength), key, _hasEdns, _udpSize, _wantsKeepalive);
}

/// <summary>Who brings a flight's outcome to its clients: the UDP worker or the TCP server.</summary>
internal interface IReplySink
{
    /// <param name="entry">The answer, or none when no upstream gave one.</param>
    void Reply(Waiter waiter, ReadOnlySpan<byte> key, CacheEntry entry, long now);
}
