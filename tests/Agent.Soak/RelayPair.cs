using System.Net;
using System.Text.Json;

namespace Agent.Soak;

/// <summary>What the relays did to the traffic.</summary>
internal sealed class RelayCounts
{
    public long Datagrams { get; set; }
    public long Dropped { get; set; }
    public long Duplicated { get; set; }
    public long LongDelayed { get; set; } // so long that later ones overtake them
    public long Chunks { get; set; } // of TCP streams
    public long Resets { get; set; }
    public long Restarts { get; set; }
}

/// <summary>The two relays before the two upstreams, restarted in turn and never both at once. Runs until standard input ends.</summary>
internal sealed class RelayPair
{
    private static readonly TimeSpan _down = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan _between = TimeSpan.FromSeconds(3);

    private readonly RelayCounts _counts = new();
    private readonly Relay[] _relays;

    /// <param name="pairs">Each <c>LISTEN=UPSTREAM</c>.</param>
    public RelayPair(string[] pairs) =>
        _relays = [.. pairs.Select(pair => pair.Split('=')).Select(pair => new Relay(IPEndPoint.Parse(pair[0]), IPEndPoint.Parse(pair[1]), _counts))];

    public async Task<int> Run()
    {
        Task end = Task.Run(Console.In.ReadToEnd); // the console has no read that does not block
        foreach (Relay relay in _relays)
            relay.Start();
        Console.WriteLine("relaying");
        for (int next = 0; !end.IsCompleted; next++)
        {
            await Task.WhenAny(end, Task.Delay(_between));
            Relay relay = _relays[next % _relays.Length];
            relay.Stop();
            await Task.WhenAny(end, Task.Delay(_down));
            relay.Start();
            _counts.Restarts++;
        }

        foreach (Relay relay in _relays)
            relay.Stop();
        Console.WriteLine(JsonSerializer.Serialize(_counts));
        return 0;
    }
}
