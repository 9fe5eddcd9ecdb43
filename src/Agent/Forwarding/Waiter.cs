using System.Diagnostics;
using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>A client whose query waits for a flight: enough of its message to answer it later. Pooled.</summary>
internal sealed class Waiter
{
    private readonly byte[] _head = new byte[Header.Size + DnsName.MaxLength + 4];
    private QueryFields _fields;

    public SockAddr Client;

    /// <summary>The client's TCP connection; null over UDP.</summary>
    public object? Connection { get; private set; }

    /// <summary>When it began to wait, by <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long Since { get; private set; }

    /// <summary>Where its client's questions are counted; given back by the one place that answers all waiters.</summary>
    public int Place { get; private set; }

    public Waiter? Next { get; set; }

    public void Begin(in Query query, in SockAddr client, object? connection, int place)
    {
        query.Head.CopyTo(_head);
        _fields = query.Fields;
        Client = client;
        Connection = connection;
        Place = place;
        Since = Stopwatch.GetTimestamp();
    }

    public void End() => Connection = null;

    /// <summary>The query as it was, under the key of its flight.</summary>
    public Query Query(ReadOnlySpan<byte> key) =>
        Dns.Query.Restore(_head, key, _fields with { KeyLength = (ushort)key.Length }) with { Client = ClientAddress.From(Client.AddressBytes) };
}

/// <summary>Who brings a flight's outcome to its clients: the UDP worker or the TCP server.</summary>
internal interface IReplySink
{
    /// <param name="entry">The answer, or none when no upstream gave one.</param>
    /// <returns>The key of the question that has to be asked first, of another step of the client's search walk; empty when the client was answered, as always without an entry.</returns>
    ReadOnlySpan<byte> Reply(Waiter waiter, ReadOnlySpan<byte> key, CacheEntry entry, long now);
}
