using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Agent.Dns;
using Agent.Serving;
using Agent.Tests.Support;

namespace Agent.Fuzz.Targets;

/// <summary>
/// Messages in a TCP stream that is cut anywhere, to an agent in this process over loopback. After each piece the agent's thread gets a turn, so
/// that it reads the pieces as they were cut. There is no upstream: every reply is known beforehand.
/// </summary>
internal static class FramingTarget
{
    private const int MaxPieces = 12;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static Lazy<RunningAgent> _agent = new(() => new RunningAgent());

    /// <summary>Stops the agent, whose threads would keep the process alive; another run starts another.</summary>
    public static void Stop()
    {
        if (_agent.IsValueCreated)
            _agent.Value.Stop();
        _agent = new(() => new RunningAgent());
    }

    public static int Run(byte[] input)
    {
        Tape tape = new(input);
        List<byte> stream = [];
        List<byte> expected = [];
        int messages = 1 + tape.Below(6);
        for (int i = 0; i < messages; i++)
        {
            byte[] message = Messages.Query(tape);
            if (message.Length is < 12 or > 4096)
                continue; // ends the connection: TcpPipeliningTests
            AddFrame(stream, message);
            AddFrame(expected, _agent.Value.ReplyTo(message));
        }

        byte[] received = _agent.Value.Exchange(Pieces(tape, [.. stream]));
        FuzzFailure.Unless(
            WithoutTtls(received).SequenceEqual(WithoutTtls([.. expected])),
            $"the stream brought {received.Length} bytes of replies, the messages alone bring {expected.Count}, or others");
        return (messages * 64) + Math.Min(63, expected.Count / 64);
    }

    private static void AddFrame(List<byte> stream, byte[] message)
    {
        if (message.Length == 0)
            return;
        stream.AddRange([(byte)(message.Length >> 8), (byte)message.Length]);
        stream.AddRange(message);
    }

    private static List<byte[]> Pieces(Tape tape, byte[] stream)
    {
        List<byte[]> pieces = [];
        int at = 0;
        while (at < stream.Length && pieces.Count < MaxPieces - 1)
        {
            int length = Math.Min(stream.Length - at, tape.OneIn(3) ? 1 : 1 + tape.Below(90));
            pieces.Add(stream[at..(at + length)]);
            at += length;
        }

        pieces.Add(stream[at..]);
        return pieces;
    }

    /// <summary>Clears the TTLs of the answers, which a second may pass between.</summary>
    private static byte[] WithoutTtls(byte[] frames)
    {
        byte[] cleared = [.. frames];
        for (int at = 0; at + 14 <= cleared.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(cleared.AsSpan(at));
            int count = BinaryPrimitives.ReadUInt16BigEndian(cleared.AsSpan(at + 8)) + BinaryPrimitives.ReadUInt16BigEndian(cleared.AsSpan(at + 10));
            int record = at + 14 + (count > 0 ? DnsName.Measure(cleared.AsSpan(at + 14)) + 4 : 0);
            for (int i = 0; i < count && record < cleared.Length; i++)
            {
                int fixedPart = DnsName.Skip(cleared.AsSpan(at + 2, length), record - at - 2) + at + 2;
                cleared.AsSpan(fixedPart + 4, 4).Clear();
                record = fixedPart + 10 + BinaryPrimitives.ReadUInt16BigEndian(cleared.AsSpan(fixedPart + 8));
            }

            at += 2 + length;
        }

        return cleared;
    }

    private sealed class RunningAgent
    {
        private readonly LogRecorder _log = new();
        private readonly NodeAgent _agent;
        private readonly IPEndPoint _address = TestAddress.Next();
        private readonly Resolver _alone;
        private readonly byte[] _reply = new byte[ushort.MaxValue];

        public RunningAgent()
        {
            AgentConfiguration configuration = new()
            {
                Listen = new ListenConfiguration { Addresses = [_address.Address], Port = _address.Port, Workers = 1 },
                AdminSocket = $"/tmp/lra-fuzz-{Environment.ProcessId}/admin.sock",
                Redirect = new RedirectConfiguration { Enabled = false },
                Snapshot = new SnapshotConfiguration { Path = "" },
                Routes = [new RouteConfiguration { Zone = "", Servers = [], Protocol = TransportProtocol.Tcp }],
            };
            _agent = NodeAgent.Start(configuration, _log);
            Subject.Fill(_agent.Cache, Environment.TickCount64);
            _alone = Subject.Resolver(_agent.Cache, isUdp: false);
        }

        private ServingThread Server => _agent.Threads.Single(thread => thread is TcpServer);

        public void Stop() => _agent.Dispose();

        public byte[] ReplyTo(byte[] message)
        {
            int length = _alone.Answer(message, Environment.TickCount64, _reply, out Query query);
            return _reply[..(length == Resolver.Forward ? _alone.AnswerWithoutUpstream(ref query, Environment.TickCount64, _reply) : length)];
        }

        public byte[] Exchange(List<byte[]> pieces)
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.ReceiveTimeout = (int)_patience.TotalMilliseconds;
            socket.Connect(_address);
            foreach (byte[] piece in pieces)
            {
                long turn = Server.Turns;
                socket.Send(piece);
                SpinWait.SpinUntil(() => Server.Turns > turn, millisecondsTimeout: 2);
            }

            socket.Shutdown(SocketShutdown.Send);
            using MemoryStream received = new();
            byte[] buffer = new byte[65536];
            for (int count = socket.Receive(buffer); count > 0; count = socket.Receive(buffer))
                received.Write(buffer, 0, count);
            string? defect = _log.Lines.FirstOrDefault(line => line.Contains("met a defect", StringComparison.Ordinal));
            return defect == null ? received.ToArray() : throw new FuzzFailure(defect);
        }
    }
}
