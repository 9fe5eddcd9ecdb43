using Agent.Kubernetes.Tests.Support;

namespace Agent.Lab.Tests;

/// <summary>A lab whose agent, as root, has the capabilities that the DaemonSet gives it and no others, and can gain none.</summary>
public sealed class LeastPrivilegeLab() : LabFixture("system/agent", Program())
{
    /// <summary>As the kernel has them: without CAP_, in capital letters.</summary>
    internal static IReadOnlyList<string> Capabilities { get; } =
    [
        .. DeployedYaml.Read("kustomize/base/daemonset.yaml")["spec"]!["template"]!["spec"]!["containers"]![0]!["securityContext"]!["capabilities"]!["add"]!.AsArray()
            .Select(name => name!.ToString()),
    ];

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(Path.GetDirectoryName(Program())!, recursive: true);
    }

    /// <summary>setpriv's words for having these alone.</summary>
    internal static string[] Holding(IEnumerable<string> capabilities) =>
        ["setpriv", $"--bounding-set=-all{string.Concat(capabilities.Select(name => $",+{name.ToLowerInvariant()}"))}", "--no-new-privs"];

    // The lab knows the agent by the name of its executable, so this has the same.
    private static string Program()
    {
        string path = Path.Combine(Path.GetTempPath(), $"lra-privileges-{Environment.ProcessId}", "lra");
        if (File.Exists(path))
            return path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/sh\nexec {string.Join(' ', Holding(Capabilities))} {Path.Combine(Machine.Repository, "out/lra")} \"$@\"\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}

/// <summary>Each capability that the DaemonSet gives is needed, and no other is.</summary>
public sealed class PrivilegeTests(LeastPrivilegeLab lab) : IClassFixture<LeastPrivilegeLab>
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(30);

    [BpfFact]
    public void H1_with_the_DaemonSets_capabilities_alone_the_agent_redirects_falls_back_and_uninstalls()
    {
        lab.EnsureAgentServes();
        string[] status = File.ReadAllLines($"/proc/{File.ReadAllText($"/run/{lab.Name}/agent.pid").Trim()}/status");
        ProbeReport[] redirected = [.. ((string[])["-4 -c connected 10.96.0.10", "-6 -c unconnected fd00:10:96::a", "-4 -t tcp 10.96.0.10"]).Select(lab.Probe)];
        string report = lab.LraOnW1("status");

        lab.Lab("agent", "kill");
        int before = lab.QueriesAtKubeDns;
        ProbeReport fellBack = lab.Probe("-q www.outside.test 10.96.0.10");
        int answered = lab.QueriesAtKubeDns - before;
        lab.EnsureAgentServes();
        lab.EnsureUninstalled();

        string effective = status.Single(line => line.StartsWith("CapEff:", StringComparison.Ordinal)).Split('\t')[1];
        Assert.Equal(LeastPrivilegeLab.Capabilities.Aggregate(0UL, (set, name) => set | 1UL << NumberOf(name)), Convert.ToUInt64(effective, 16));
        Assert.Contains("NoNewPrivs:\t1", status);
        Assert.All(redirected, probe => Assert.True(probe.IsFlawless, probe.Text));
        Assert.Contains("redirecting to the agent", report, StringComparison.Ordinal);
        Assert.True(fellBack.IsFlawless && answered == 1, fellBack.Text);
        Assert.False(Directory.Exists(lab.Pins));
    }

    [BpfTheory]
    [InlineData("BPF", "Not redirecting, serving only: cannot load the BPF programs: Operation not permitted")]
    [InlineData("NET_ADMIN", "cannot add 169.254.20.10 to lo: Operation not permitted")]
    [InlineData("NET_BIND_SERVICE", "cannot bind to 169.254.20.10:53: Permission denied")]
    public void H1_without_one_of_them_the_agent_says_what_it_cannot_do(string without, string says)
    {
        Assert.Contains(without, LeastPrivilegeLab.Capabilities);
        lab.EnsureUninstalled();
        string[] agent = [Path.Combine(Machine.Repository, "out/lra"), "run", "--config", lab.Configuration];

        // Where it serves nevertheless, it is told to end.
        CommandResult result = Run(["timeout", "--signal=TERM", "3", .. LeastPrivilegeLab.Holding(LeastPrivilegeLab.Capabilities.Where(name => name != without)), .. agent]);
        lab.EnsureUninstalled();

        Assert.Contains(says, result.Output + result.Error, StringComparison.Ordinal);
    }

    /// <summary>On a kernel whose verifier takes the programs so; those of Debian's 5.10, 6.1 and 6.12 do not (tests/kernels).</summary>
    [BpfFact]
    public void H1_without_PERFMON_the_programs_are_loaded_without_the_names_of_commands()
    {
        Assert.Contains("PERFMON", LeastPrivilegeLab.Capabilities);
        lab.EnsureUninstalled();
        string[] holding = LeastPrivilegeLab.Holding(LeastPrivilegeLab.Capabilities.Where(name => name != "PERFMON"));

        CommandResult result = Run(["timeout", "--signal=TERM", "3", .. holding, Path.Combine(Machine.Repository, "out/lra"), "run", "--config", lab.Configuration]);
        lab.EnsureUninstalled();

        Assert.Contains("Redirecting", result.Output, StringComparison.Ordinal);
    }

    [BpfFact]
    public void H3_nobody_but_root_sees_the_pins_and_the_admin_socket()
    {
        lab.EnsureAgentServes();
        string[] stranger = ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"];

        foreach (string path in (string[])[lab.Pins, Path.Combine(lab.Pins, "frontends"), $"/run/{lab.Name}/admin.sock"])
            Assert.True(Processes.Run("test", ["-e", path]).ExitCode == 0, path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(lab.Pins));
        Assert.All(Directory.GetFiles(lab.Pins), pin => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(pin)));
        Assert.Contains("Permission denied", Run([.. stranger, "ls", lab.Pins]).Error, StringComparison.Ordinal);
        Assert.NotEqual(0, Run([.. stranger, "bpftool", "map", "dump", "pinned", Path.Combine(lab.Pins, "frontends")]).ExitCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"/run/{lab.Name}/admin.sock"));
    }

    private CommandResult Run(string[] command)
    {
        using RunningProcess process = lab.StartLab(["exec", "agent", .. command]);
        return process.WaitForEnd(_deadline);
    }

    private static int NumberOf(string capability) => capability switch
    {
        "NET_BIND_SERVICE" => 10,
        "NET_ADMIN" => 12,
        "PERFMON" => 38,
        "BPF" => 39,
        _ => throw new ArgumentException($"what is {capability}?", nameof(capability)),
    };
}
