using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Agent.Dns.Tests.Support;

namespace Agent.Soak;

/// <summary>What the pod saw.</summary>
internal sealed class ProbeCounts
{
    public long Asked { get; set; }
    public long First { get; set; } // answered at the first try
    public long Later { get; set; } // at the second or third
    public long Lost { get; set; }
    public long Wrong { get; set; }
    public long ServFail { get; set; }
    public long OtherFailure { get; set; } // REFUSED, FORMERR
    public long Late { get; set; } // replies to tries given up, on a port that another try has by now: a stub resolver passes over them
    public long OverTcp { get; set; } // asked over TCP, because of TC or from the start
    public int MedianMilliseconds { get; set; }
    public int P99Milliseconds { get; set; }
    public List<string> Examples { get; set; } = [];
}

/// <summary>
/// A pod that asks the ClusterIP at a steady rate as a stub resolver does: a new socket for each query, up to four tries, TCP where TC says so.
/// Every answer is compared with the truth.
/// </summary>
internal sealed class Prober(string server, int rate)
{
    private const int MaxTries = 4;
    private const int MaxExamples = 5;
    private const int LongestMilliseconds = 10_000;
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(1_500); // for one try

    private readonly IPEndPoint _server = IPEndPoint.Parse(server);
    private readonly ProbeCounts _counts = new();
    private readonly ConcurrentDictionary<(int Port, ushort Id), byte> _givenUp = [];
    private readonly int[] _milliseconds = new int[LongestMilliseconds + 1];
    private readonly Random _random = new(1);

    public async Task<int> Run(TimeSpan length)
    {
        List<Task> open = [];
        Stopwatch watch = Stopwatch.StartNew();
        for (long sent = 0; watch.Elapsed < length;)
        {
            for (; sent < watch.Elapsed.TotalSeconds * rate; sent++)
                open.Add(Ask(Names.Pick(_random), _random.Next(10) == 0, (ushort)_random.Next(65536)));
            await Task.Delay(10);
            open.RemoveAll(task => task.IsCompletedSuccessfully);
        }

        await Task.WhenAll(open);
        _counts.MedianMilliseconds = Percentile(0.5);
        _counts.P99Milliseconds = Percentile(0.99);
        Console.WriteLine(JsonSerializer.Serialize(_counts));
        return 0;
    }

    private async Task Ask(Question question, bool isTcp, ushort id)
    {
        byte[] query = MessageBuilder.Query(question.Name, question.Type, id).Opt().Build();
        long start = Stopwatch.GetTimestamp();
        for (int attempt = 1; attempt <= MaxTries; attempt++)
        {
            byte[]? bytes = await Try(query, isTcp);
            if (bytes != null && !isTcp && (bytes[2] & 2) != 0)
            {
                isTcp = true;
                bytes = await Try(query, isTcp);
            }

            if (bytes == null)
                continue;
            lock (_counts)
                Count(question, bytes, id, attempt, isTcp, Stopwatch.GetElapsedTime(start));
            return;
        }

        lock (_counts)
        {
            _counts.Asked++;
            _counts.Lost++;
            Note($"{question.Name} {(isTcp ? "TCP" : "UDP")}: no answer in {MaxTries} tries");
        }
    }

    private void Count(Question question, byte[] bytes, ushort id, int attempt, bool isTcp, TimeSpan taken)
    {
        _counts.Asked++;
        _counts.First += attempt == 1 ? 1 : 0;
        _counts.Later += attempt > 1 ? 1 : 0;
        _counts.OverTcp += isTcp ? 1 : 0;
        _milliseconds[Math.Min(LongestMilliseconds, (int)taken.TotalMilliseconds)]++;
        string? mistake = Read(question, bytes, id);
        if (mistake == null)
            return;
        _counts.Wrong++;
        Note($"{question.Name}: {mistake}");
    }

    private string? Read(Question question, byte[] bytes, ushort id)
    {
        try
        {
            OracleMessage reply = OracleMessage.Decode(bytes);
            if (reply.Id != id || !reply.IsResponse || reply.QuestionName != question.Name + "." || reply.QuestionType != question.Type)
                return "a reply to another query";
            if (reply.Rcode is 0 or 3)
                return Names.Mistake(question, reply);
            _counts.ServFail += reply.Rcode == 2 ? 1 : 0;
            _counts.OtherFailure += reply.Rcode == 2 ? 0 : 1;
            return null;
        }
        catch (FormatException error)
        {
            return error.Message;
        }
    }

    /// <summary>One try; null when nothing comes, after the pause that a stub resolver makes.</summary>
    private async Task<byte[]?> Try(byte[] query, bool isTcp)
    {
        using CancellationTokenSource deadline = new(_patience);
        try
        {
            return isTcp ? await TryTcp(query, deadline.Token) : await TryUdp(query, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            await Task.Delay(100); // refused or reset: whoever was asked is gone
            return null;
        }
    }

    private async Task<byte[]> TryUdp(byte[] query, CancellationToken deadline)
    {
        using Socket socket = new(_server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(_server, deadline);
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        ushort id = BinaryPrimitives.ReadUInt16BigEndian(query);
        byte[] reply = new byte[4096];
        try
        {
            await socket.SendAsync(query, deadline);
            while (true)
            {
                int length = await socket.ReceiveAsync(reply, deadline);
                ushort replyId = length < 12 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(reply);
                // Only what was asked from this very port before may be late here: anything else that is not the answer counts as wrong.
                if (replyId == id || !_givenUp.TryRemove((port, replyId), out _))
                    return reply[..length];
                lock (_counts)
                    _counts.Late++;
            }
        }
        catch (OperationCanceledException)
        {
            _givenUp[(port, id)] = 0;
            throw;
        }
    }

    private async Task<byte[]> TryTcp(byte[] query, CancellationToken deadline)
    {
        Socket socket = new(_server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await using NetworkStream? stream = await Connect(socket, deadline);
        await stream.WriteAsync((byte[])[(byte)(query.Length >> 8), (byte)query.Length, .. query], deadline);
        byte[] length = new byte[2];
        await stream.ReadExactlyAsync(length, deadline);
        byte[] reply = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        await stream.ReadExactlyAsync(reply, deadline);
        return reply;
    }

    private async Task<NetworkStream> Connect(Socket socket, CancellationToken deadline)
    {
        try
        {
            await socket.ConnectAsync(_server, deadline);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void Note(string example)
    {
        if (_counts.Examples.Count < MaxExamples)
            _counts.Examples.Add(example);
    }

    private int Percentile(double part)
    {
        long wanted = (long)(_milliseconds.Sum(count => (long)count) * part);
        int milliseconds = 0;
        for (long seen = _milliseconds[0]; seen < wanted && milliseconds < LongestMilliseconds;)
            seen += _milliseconds[++milliseconds];
        return milliseconds;
    }
}
