using System.Globalization;
using Xunit.Sdk;

namespace Agent.Lab.Tests;

/// <summary>One lab of its own, brought up with tests/lab/lab. Disposing tears it down.</summary>
public class LabFixture : IDisposable
{
    private const string Prefix = "lra-test-";
    private static readonly string _script = Path.Combine(Machine.Repository, "tests/lab/lab");
    private static int _labs;

    private readonly Dictionary<string, string> _environment;
    private readonly string _lra;

    public LabFixture()
        : this("system/agent")
    {
    }

    /// <param name="agentCgroup">Where the agent runs, below the lab's cgroup.</param>
    /// <param name="lra">The agent's executable, or a program of the same name that becomes it; null: what LRA names, else <c>out/lra</c>.</param>
    protected LabFixture(string agentCgroup, string? lra = null)
    {
        Name = $"{Prefix}{Environment.ProcessId}-{++_labs}";
        _lra = lra ?? Environment.GetEnvironmentVariable("LRA") ?? Path.Combine(Machine.Repository, "out/lra");
        _environment = new() { ["LAB"] = Name, ["LAB_AGENT_CGROUP"] = agentCgroup, ["LRA"] = _lra };
        // xunit makes the fixture of a class also when it skips all its tests.
        if (Machine.LacksForBpf is not null)
            return;
        RemoveLabsOfDeadRuns();
        Lab("up");
    }

    public string Name { get; }

    internal string Cgroup => Path.Combine(Machine.Cgroup2!, Name);

    internal string Pins => $"/sys/fs/bpf/{Name}";

    internal string Configuration => $"/run/{Name}/lra.yaml";

    /// <summary>Runs the lab script; fails the test with the output and the agent's log when it fails.</summary>
    internal string Lab(params string[] arguments)
    {
        CommandResult result = TryLab(arguments);
        if (result.ExitCode == 0)
            return result.Output;
        throw new XunitException(
            $"lab {string.Join(' ', arguments)}: status {result.ExitCode}\n{result.Output}{result.Error}\nagent's log:\n{AgentLog}");
    }

    internal CommandResult TryLab(params string[] arguments) => Processes.Run(_script, arguments, _environment);

    internal RunningProcess StartLab(params string[] arguments) => Processes.Start(_script, arguments, _environment);

    /// <summary>Asks from a pod, a node, or "agent"; the words are the probe's options and the server.</summary>
    internal ProbeReport ProbeFrom(string place, string words)
    {
        CommandResult result = TryLab(["probe", place, .. words.Split(' ')]);
        if (result.ExitCode > 1)
            throw new XunitException($"probe {words}: {result.Error}");
        return ProbeReport.Parse(result.Output);
    }

    internal ProbeReport Probe(string words) => ProbeFrom("curl-pod", words);

    internal RunningProcess StartProbe(string words) => StartLab(["probe", "curl-pod", .. words.Split(' ')]);

    internal int AgentProcess => int.Parse(File.ReadAllText($"/run/{Name}/agent.pid"), CultureInfo.InvariantCulture);

    /// <summary>Signals both kube-dns servers: STOP, CONT.</summary>
    internal void SignalKubeDns(string signal)
    {
        foreach (string pod in new[] { "kube-dns-1", "kube-dns-2" })
        {
            string[] processes = File.ReadAllLines(Path.Combine(Cgroup, "ctr/kubepods/burstable", $"pod-{pod}", "cgroup.procs"));
            Assert.Equal(0, Processes.Run("/bin/kill", [$"-{signal}", .. processes]).ExitCode);
        }
    }

    /// <summary>The agent runs, and pods' queries go to it.</summary>
    internal void EnsureAgentServes()
    {
        if (!Lab("status").Contains("runs, pid", StringComparison.Ordinal))
            Lab("agent", "start");
        Wait.Until(IsServedByAgent, TimeSpan.FromSeconds(5), "the agent serves the ClusterIP");
    }

    /// <summary>The agent does not run, and nothing of it is left in the kernel.</summary>
    internal void EnsureUninstalled()
    {
        if (Lab("status").Contains("runs, pid", StringComparison.Ordinal))
            Lab("agent", "stop");
        LraOnW1("uninstall");
    }

    internal string LraOnW1(string command) => Lab(["exec", "w1", .. Lra(command)]);

    /// <param name="wrapper">A command that runs it.</param>
    internal CommandResult TryLraOnW1(string command, params string[] wrapper) => TryLab(["exec", "w1", .. wrapper, .. Lra(command)]);

    internal string[] Lra(string command) =>
        [_lra, .. command.Split(' '), "--config", Configuration];

    /// <summary>What the agent's HTTP server answers, with its head.</summary>
    internal string Get(int port, string path) =>
        Lab("exec", "w1", "bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /{path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3");

    /// <summary>A name that is in the cache is answered, and kube-dns receives nothing.</summary>
    internal bool IsServedByAgent()
    {
        const string Question = "-w 200 -q www.outside.test 10.96.0.10";
        if (Probe(Question).Received == 0)
            return false;
        int before = QueriesAtKubeDns;
        return Probe(Question).Received == 1 && QueriesAtKubeDns == before;
    }

    /// <summary>How many queries the kube-dns pods have received since the lab is up.</summary>
    internal int QueriesAtKubeDns =>
        Lab("queries").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Sum(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));

    public virtual void Dispose()
    {
        GC.SuppressFinalize(this);
        if (Machine.LacksForBpf is null)
            Lab("down");
    }

    private string AgentLog => File.Exists($"/run/{Name}/agent.log") ? File.ReadAllText($"/run/{Name}/agent.log") : "(none)";

    private static void RemoveLabsOfDeadRuns()
    {
        foreach (string directory in Directory.GetDirectories("/run", Prefix + "*"))
        {
            string name = Path.GetFileName(directory);
            string pid = name[Prefix.Length..].Split('-')[0];
            if (!Directory.Exists($"/proc/{pid}"))
                Processes.Run(_script, ["down"], new Dictionary<string, string> { ["LAB"] = name });
        }
    }
}
