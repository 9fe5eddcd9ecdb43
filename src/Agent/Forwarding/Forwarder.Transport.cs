using System.Buffers.Binary;
using Agent.Configuration;
using Agent.Dns;
using Agent.Native;

namespace Agent.Forwarding;

// The sockets: how one exchange is sent and its response received, over UDP and over TCP.
internal sealed partial class Forwarder
{
    private const int MostMismatches = 10; // what they do not guess in so many tries must come over TCP (A1)

    private bool SendUdp(Flight flight, ref Exchange exchange, long now)
    {
        if (exchange.Upstream.Server.Tls != null)
            return SendTcp(flight, ref exchange, now); // whoever decides for UDP, no question leaves in plain text (RFC 8310 section 5)
        exchange.Socket = _sockets.Rent(exchange.Upstream.Server.Address, flight, flight.ExchangeCount - 1, out bool isExhausted);
        if (exchange.Socket == null)
            return isExhausted ? SendTcp(flight, ref exchange, now) : IsUnsent(flight, ref exchange, isExhausted, now);
        exchange.CaseBits = _random.Next();
        Span<byte> message = stackalloc byte[UpstreamQuery.MaxLength + UpstreamCookie.MaxOptionSize];
        int length = UpstreamQuery.Write(flight.Asked, exchange.Id, exchange.CaseBits, exchange.HasEdns, message);
        // Once: something on the way may drop what has an option that it does not know.
        exchange.HasCookie = exchange.HasEdns && exchange.Upstream.Cookie.IsWelcome && flight.SendsTo(exchange.Upstream) == 1;
        if (exchange.HasCookie)
            length = exchange.Upstream.Cookie.AddTo(message, length);
        if (exchange.Socket.Socket.Send(message[..length]) == length)
            return true;
        exchange.Close();
        return IsUnsent(flight, ref exchange, isExhausted: false, now);
    }

    private bool SendTcp(Flight flight, ref Exchange exchange, long now)
    {
        TcpUpstream? connection = _pool.Connect(exchange.Upstream, out bool isExhausted);
        if (connection == null)
            return IsUnsent(flight, ref exchange, isExhausted, now);
        while (!connection.IsFree(exchange.Id))
            exchange.Id = _random.NextId();
        Span<byte> message = stackalloc byte[UpstreamQuery.MaxPaddedLength];
        int length = UpstreamQuery.Write(flight.Asked, exchange.Id, caseBits: 0, exchange.HasEdns, message);
        if (exchange.HasEdns && exchange.Upstream.Server.Tls != null)
            length = UpstreamQuery.Pad(message, length);
        if (!connection.TryQueue(flight, message[..length], exchange.Id, now))
            return IsUnsent(flight, ref exchange, isExhausted, now);
        exchange.Connection = connection;
        _pool.NoteOutput(connection);
        return true;
    }

    /// <summary>An exchange could not be sent: its server's failure, but for what this process lacks. Then it counts for nothing.</summary>
    private static bool IsUnsent(Flight flight, ref Exchange exchange, bool isExhausted, long now)
    {
        if (isExhausted)
            flight.Withdraw();
        else
            Fail(exchange.Upstream, now);
        return false;
    }

    private static void Fail(Upstream upstream, long now)
    {
        upstream.Server.Failed(now);
        upstream.Counters.Failures++;
    }

    private void HandleUdp(UdpSocket socket, long now)
    {
        if (socket.Flight is not { } flight)
        {
            // What a server sends twice, or too late, must not stay in a free socket: the poller would tell of it without end.
            while (socket.Socket.ReceiveDatagram(_datagram) >= 0)
                continue;
            return;
        }

        ref Exchange exchange = ref flight.Exchanges[socket.Exchange];
        int received = socket.Socket.ReceiveDatagram(_datagram, out int interfaceIndex);
        if (received == NativeSocket.Broken)
        {
            // ECONNREFUSED: the server's port is closed.
            Fail(exchange.Upstream, now);
            exchange.Close();
            AskNext(flight, now);
        }
        else if (received != NativeSocket.Nothing)
        {
            HandleDatagram(flight, ref exchange, new Datagram(_datagram.AsSpan(0, received), interfaceIndex), now);
        }
    }

    /// <summary>
    /// Takes a response only with the ID, the letters and the cookie that were sent; who misses them may be guessing, and then TCP decides. It also decides in
    /// place of more bytes than were asked for: they may have come in fragments, of which only the first holds what must be guessed (A5). And in place of a
    /// response through an interface that brought none of this server's before; from there, guesses without the ID have no effect at all (A4).
    /// </summary>
    private void HandleDatagram(Flight flight, ref Exchange exchange, Datagram datagram, long now)
    {
        Span<byte> bytes = datagram.Bytes;
        bool isExpected = exchange.Upstream.Interfaces.Expects(datagram.InterfaceIndex);
        bool hasId = bytes.Length is >= Header.Size and <= UpstreamQuery.UdpSize
            && BinaryPrimitives.ReadUInt16BigEndian(bytes) == exchange.Id;
        bool isMatch = hasId && UpstreamQuery.HasCase(bytes, flight.Asked, exchange.CaseBits)
            && (!exchange.HasCookie || exchange.Upstream.Cookie.Accepts(bytes));
        if (isMatch)
        {
            exchange.Upstream.Interfaces.Learn(datagram.InterfaceIndex);
            flight.Asked[..^5].CopyTo(bytes[Header.Size..]); // what points into the question has that name's letters, and is for clients and the cache
        }

        if (isExpected && (isMatch || (hasId && UpstreamResponse.IsBareFormErr(bytes))))
            HandleResponse(flight, ref exchange, bytes, now);
        else if (isExpected || hasId)
            NoteMismatch(flight, ref exchange, now);
    }

    private void NoteMismatch(Flight flight, ref Exchange exchange, long now)
    {
        exchange.Mismatches++;
        if (exchange.Mismatches == 1)
            Send(flight, TransportProtocol.Tcp, now, exchange.Upstream, exchange.HasEdns);
        if (exchange.Mismatches < MostMismatches || flight.IsOwn)
            return;
        exchange.Close();
        if (!flight.HasOpenExchange)
            AskNext(flight, now);
    }

    private void HandleTcp(TcpUpstream connection, PollEvents events, long now)
    {
        if ((events & PollEvents.Writable) != 0 && !FlushTcp(connection, now))
            return;
        if ((events & ~PollEvents.Writable) == 0)
            return;
        bool isOpen = connection.TryReceive(now);
        for (int offset = 0; connection.TryTake(ref offset, out ReadOnlySpan<byte> response);)
        {
            if (response.Length < Header.Size)
                continue;
            ushort id = BinaryPrimitives.ReadUInt16BigEndian(response);
            if (!connection.TryFind(id, out Flight? flight))
                continue;
            foreach (ref Exchange exchange in flight.Exchanges)
            {
                if (exchange.Connection == connection && exchange.Id == id)
                {
                    HandleResponse(flight, ref exchange, response, now);
                    break;
                }
            }
        }

        if (!isOpen)
            Lose(connection, now);
    }

    private bool FlushTcp(TcpUpstream connection, long now)
    {
        if (connection.TryFlush())
        {
            _pool.WaitToWrite(connection, connection.HasOutput);
            return true;
        }

        Lose(connection, now);
        return false;
    }

    /// <summary>A connection broke. One that worked before was perhaps closed while idle: then the next is asked at once, without blame.</summary>
    private void Lose(TcpUpstream connection, long now)
    {
        Flight[] flights = connection.Pending();
        _pool.Close(connection);
        if (!connection.HasHeard)
            Fail(connection.Upstream, now);
        foreach (Flight flight in flights.Where(flight => flight.IsActive))
        {
            foreach (ref Exchange exchange in flight.Exchanges)
            {
                if (exchange.Connection == connection)
                    exchange.Close();
            }

            if (connection.HasHeard && flight.MayTryAgain)
                Send(flight, TransportProtocol.Tcp, now);
            else
                AskNext(flight, now);
        }
    }

    private readonly ref struct Datagram(Span<byte> bytes, int interfaceIndex)
    {
        public Span<byte> Bytes { get; } = bytes;

        public int InterfaceIndex => interfaceIndex;
    }
}
