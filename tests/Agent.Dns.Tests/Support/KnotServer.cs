using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Agent.Dns.Tests.Support;

/// <summary>Knot DNS on loopback, authoritative for some zones.</summary>
internal sealed class KnotServer : IDisposable
{
    private const int Window = 64; // questions on their way at once: fewer than a socket's buffer holds
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-knot-");
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)_patience.TotalMilliseconds };
    private readonly Process _process;

    public KnotServer(IEnumerable<(string Zone, string Text)> zones)
    {
        int port = FreePort();
        string configuration = $"""
            server:
              rundir: "{_directory.FullName}"
              listen: 127.0.0.1@{port}
              udp-workers: 1
              tcp-workers: 1
              background-workers: 1
            log:
              - target: stdout
                any: warning
            database:
              storage: "{_directory.FullName}"
            template:
              - id: default
                storage: "{_directory.FullName}"
                file: "%s.zone"
                zonefile-sync: -1
                journal-content: none
            zone:

            """ + string.Concat(zones.Select(zone => $"  - domain: {zone.Zone}\n"));
        File.WriteAllText(Path.Combine(_directory.FullName, "knot.conf"), configuration);
        foreach ((string zone, string text) in zones)
            File.WriteAllText(Path.Combine(_directory.FullName, $"{zone}.zone"), text);
        _process = Process.Start(new ProcessStartInfo("/usr/sbin/knotd", ["-c", Path.Combine(_directory.FullName, "knot.conf")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _socket.Connect(IPAddress.Loopback, port);
        try
        {
            AwaitZones([.. zones.Select(zone => zone.Zone)]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The replies to some questions, in their order.</summary>
    public OracleMessage[] Ask(IReadOnlyList<(string Name, ushort Type)> questions)
    {
        OracleMessage[] replies = new OracleMessage[questions.Count];
        byte[] buffer = new byte[65535];
        for (int first = 0; first < questions.Count; first += Window)
        {
            int end = Math.Min(questions.Count, first + Window);
            for (int i = first; i < end; i++)
                _socket.Send(MessageBuilder.Query(questions[i].Name, questions[i].Type, (ushort)i).Opt(4096).Build());
            for (int i = first; i < end; i++)
            {
                OracleMessage reply = OracleMessage.Decode(buffer.AsSpan(0, _socket.Receive(buffer)));
                int number = first + (ushort)(reply.Id - (ushort)first);
                Assert.False(reply.TC, $"{questions[number]} is cut");
                replies[number] = reply;
            }
        }

        return replies;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _socket.Dispose();
        _directory.Delete(recursive: true);
    }

    private void AwaitZones(string[] zones)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                if (Ask([.. zones.Select(zone => (zone, T.Soa))]).All(reply => reply is { Rcode: 0, Answers.Count: 1 }))
                    return;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // It does not listen yet.
            }

            if (_process.HasExited || Stopwatch.GetElapsedTime(start) > _patience)
                Assert.Fail($"knotd does not serve {string.Join(", ", zones)}: {(_process.HasExited ? _process.StandardOutput.ReadToEnd() + _process.StandardError.ReadToEnd() : "it still loads")}");
            Thread.Sleep(20);
        }
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
