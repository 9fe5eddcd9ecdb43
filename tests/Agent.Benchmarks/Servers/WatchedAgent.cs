using Agent.Benchmarks.Contest;

namespace Agent.Benchmarks.Servers;

/// <summary>The same agent while somebody observes every flow and throws the lines away.</summary>
internal sealed class WatchedAgent : LocalRedirectAgent
{
    private const int ObserverCore = 1;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(15);

    public override string Name => "lra-watched";

    protected override byte LastOctet => 15;

    public override Child Accompany(ServerSetup setup, Child server)
    {
        string config = Path.Combine(setup.Directory, "lra.yaml");
        Child observer = new(ObserverCore, setup.Directory, ["sh", "-c", "exec \"$0\" observe -o json --config \"$1\" >/dev/null", Executable!, config]);
        long deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (Environment.TickCount64 < deadline && Probe.Wait(Address, server, _patience))
        {
            // What was noted is proof that somebody watches.
            using Child look = new(ObserverCore, setup.Directory, [Executable!, "observe", "--last", "1", "-o", "json", "--config", config]);
            if (look.Wait(_patience) && look.Output.Any(line => line.StartsWith('{')))
                return observer;
        }

        observer.Dispose();
        throw new BenchException("no flow is observed");
    }
}
