using System.Diagnostics;
using System.Globalization;
using Agent.Lab.Tests;

namespace Agent.Soak;

/// <summary>
/// A lab of the soak's own (tests/lab), with the soak's names in its zone and the relays between the agent and the kube-dns pods. Those stay
/// reachable without relay as the kernel's fallback. Disposing removes all of it.
/// </summary>
internal sealed class SoakLab : IDisposable
{
    private const string Relay1 = "192.168.56.1:5301";
    private const string Relay2 = "192.168.56.1:5302";
    private static readonly string _repository = FindRepository();
    private readonly Dictionary<string, string> _environment;
    private readonly string _run;
    private RunningProcess? _agent;

    public SoakLab()
    {
        string name = Environment.GetEnvironmentVariable("LAB") ?? $"lra-soak-{Environment.ProcessId}";
        _environment = new() { ["LAB"] = name };
        _run = $"/run/{name}";
        Lab("up");
        AddNames();
        Configure();
    }

    /// <summary>The agent's process; 0 while it does not run.</summary>
    public int AgentId { get; private set; }

    public RunningProcess StartRelays() => StartHere("router", "relay", $"{Relay1}=10.244.0.2:53", $"{Relay2}=10.244.0.3:53");

    public RunningProcess StartProber(int rate, TimeSpan length) =>
        StartHere("curl-pod", "probe", "10.96.0.10:53", rate.ToString(CultureInfo.InvariantCulture), ((int)length.TotalSeconds).ToString(CultureInfo.InvariantCulture));

    // Not 'lab agent start': that waits until kube-dns receives nothing, which under this load it always does.
    public void StartAgent()
    {
        string command = $"exec '{_repository}/out/lra' run --config '{_run}/lra.yaml' >>'{_run}/agent.log' 2>&1";
        _agent = Processes.Start(Script, ["exec", "agent", "sh", "-c", command], _environment);
        AgentId = _agent.Id;
    }

    /// <summary>Ends the agent and waits until its process is gone.</summary>
    public void EndAgent(string signal)
    {
        Signal(signal);
        _agent!.WaitForEnd(TimeSpan.FromSeconds(20));
        _agent.Dispose();
        _agent = null;
        AgentId = 0;
    }

    public void Signal(string signal) => Processes.Run("kill", [$"-{signal}", AgentId.ToString(CultureInfo.InvariantCulture)]);

    /// <summary>KiB of the agent's memory that no file backs; null while it does not run.</summary>
    public long? AgentMemory()
    {
        try
        {
            string? line = File.ReadLines($"/proc/{AgentId}/status").FirstOrDefault(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
            return line == null ? null : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public string AgentLog => File.Exists($"{_run}/agent.log") ? File.ReadAllText($"{_run}/agent.log") : "";

    public string AgentStatus() => Lab("exec", "w1", $"{_repository}/out/lra", "status", "--config", $"{_run}/lra.yaml");

    public void Dispose()
    {
        _agent?.Dispose();
        Lab("down");
    }

    private static string Script => Path.Combine(_repository, "tests/lab/lab");

    private string Lab(params string[] arguments)
    {
        CommandResult result = Processes.Run(Script, arguments, _environment);
        return result.ExitCode == 0 ? result.Output : throw new InvalidOperationException($"lab {string.Join(' ', arguments)}: {result.Output}{result.Error}");
    }

    /// <summary>Starts this same program there, by itself or under dotnet as it was started here.</summary>
    private RunningProcess StartHere(string place, params string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] self = Path.GetFileName(program) == "dotnet" ? [program, typeof(SoakLab).Assembly.Location] : [program];
        return Processes.Start(Script, ["exec", place, .. self, .. arguments], _environment);
    }

    /// <summary>Writes the soak's names into the zone that stands for the outside, and has both servers read it.</summary>
    private void AddNames()
    {
        string zone = $"{_run}/outside.test.zone";
        string text = File.ReadAllText(zone).Replace("hostmaster 1 ", "hostmaster 2 ", StringComparison.Ordinal);
        File.WriteAllText(zone, text + string.Join('\n', Names.ZoneLines()) + "\n");
        foreach (string pod in (string[])["kube-dns-1", "kube-dns-2"])
        {
            CommandResult reload = Processes.Run("knotc", ["-b", "-s", $"{_run}/{pod}/knot.sock", "zone-reload", "outside.test"]);
            if (reload.ExitCode != 0)
                throw new InvalidOperationException($"knotc: {reload.Output}{reload.Error}");
        }
    }

    /// <summary>The lab's configuration, with the relays as upstreams, short lives, and a cache so small that it always evicts.</summary>
    private void Configure()
    {
        string path = $"{_run}/lra.yaml";
        string[] lines = File.ReadAllLines(path);
        if (lines.Any(line => line.Contains("enabled: false", StringComparison.Ordinal) && line.StartsWith("  enabled", StringComparison.Ordinal)))
            throw new InvalidOperationException("this machine cannot redirect ('out/lra check' says why), so nothing would answer while the agent is away");
        File.WriteAllLines(path, lines.SelectMany(line => line switch
        {
            _ when line.Contains("zone: \".\"", StringComparison.Ordinal) =>
                (string[])[$"  - {{ zone: \".\", servers: [\"{Relay1}\", \"{Relay2}\"], protocol: udp }}", $"  - {{ zone: {Names.TcpZone}, servers: [\"{Relay1}\", \"{Relay2}\"], protocol: tcp }}"],
            _ when line.StartsWith("cache:", StringComparison.Ordinal) => ["cache: { memory: 1MiB, minTtl: 1, maxTtl: 3600, maxNegativeTtl: 10, serveStale: 1h }"],
            _ => [line],
        }));
    }

    private static string FindRepository()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Agent.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new DirectoryNotFoundException("Agent.sln is in no directory above this program");
    }
}
