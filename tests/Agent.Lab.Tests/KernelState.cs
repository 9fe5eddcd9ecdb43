using System.Globalization;
using System.Text.Json;

namespace Agent.Lab.Tests;

/// <summary>One BPF link on a cgroup, as bpftool lists it.</summary>
internal sealed record CgroupLink(int Id, int ProgramId, string AttachType);

/// <summary>What the kernel holds of a lab's agent.</summary>
internal static class KernelState
{
    /// <summary>The links on the lab's `kubepods` cgroup, by id.</summary>
    public static IReadOnlyList<CgroupLink> LinksOf(LabFixture lab)
    {
        long cgroup = InodeOf(Path.Combine(lab.Cgroup, "kubepods"));
        using JsonDocument links = JsonDocument.Parse(Bpftool("-j", "link", "show"));
        return
        [
            .. links.RootElement.EnumerateArray()
                .Where(link => link.TryGetProperty("cgroup_id", out JsonElement id) && id.GetInt64() == cgroup)
                .Select(link => new CgroupLink(
                    link.GetProperty("id").GetInt32(),
                    link.GetProperty("prog_id").GetInt32(),
                    link.GetProperty("attach_type").ToString()))
                .OrderBy(link => link.Id),
        ];
    }

    /// <summary>Makes the pinned maps look like those of an agent whose structs were laid out otherwise.</summary>
    public static void PretendOtherLayout(LabFixture lab) =>
        Bpftool(["map", "update", "pinned", Path.Combine(lab.Pins, "agent_lease"), "key", "0", "0", "0", "0", "value", "99", .. Enumerable.Repeat("0", 23)]);

    /// <summary>The id of a pinned map.</summary>
    public static int MapId(LabFixture lab, string name)
    {
        using JsonDocument map = JsonDocument.Parse(Bpftool("-j", "map", "show", "pinned", Path.Combine(lab.Pins, name)));
        return map.RootElement.GetProperty("id").GetInt32();
    }

    /// <summary>How many translations the kernel remembers for sockets that are open.</summary>
    public static int CountRemembered(LabFixture lab)
    {
        using JsonDocument entries = JsonDocument.Parse(Bpftool("-j", "map", "dump", "pinned", Path.Combine(lab.Pins, "reverse")));
        return entries.RootElement.GetArrayLength();
    }

    /// <summary>What clients have sent to the agent over UDP and it has not read yet.</summary>
    public static long BytesInAgentSockets(LabFixture lab) =>
        lab.Lab("exec", "w1", "ss", "-H", "-l", "-u", "-n", "sport", "=", ":53")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));

    /// <summary>How many datagrams each place has dropped because a socket's buffer was full: whose fault a loss is.</summary>
    public static string DatagramsDropped(LabFixture lab) =>
        string.Join(", ", new[] { "curl-pod", "w1", "kube-dns-1", "kube-dns-2" }.Select(place =>
        {
            string[][] udp = [.. lab.Lab("exec", place, "cat", "/proc/net/snmp").Split('\n')
                .Where(line => line.StartsWith("Udp:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
            return $"{place} {udp[1][Array.IndexOf(udp[0], "RcvbufErrors")]}";
        }));

    /// <summary>Whether a SIGTERM waits until the agent, which is stopped, goes on.</summary>
    public static bool IsToldToEnd(LabFixture lab)
    {
        const int SigTerm = 15;
        string pid = File.ReadAllText($"/run/{lab.Name}/agent.pid").Trim();
        string pending = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("ShdPnd:", StringComparison.Ordinal));
        return (Convert.ToUInt64(pending["ShdPnd:".Length..].Trim(), 16) & (1UL << (SigTerm - 1))) != 0;
    }

    /// <summary>Everything an uninstalled agent must have put back, as text to compare.</summary>
    public static string Describe(LabFixture lab) =>
        string.Join('\n',
            "links: " + string.Join(' ', LinksOf(lab)),
            Bpftool("cgroup", "tree", lab.Cgroup),
            lab.Lab("exec", "w1", "ip", "-brief", "address"),
            Directory.Exists(lab.Pins) ? string.Join(' ', Directory.GetFileSystemEntries(lab.Pins)) : "no pins");

    private static string Bpftool(params string[] arguments)
    {
        CommandResult result = Processes.Run("bpftool", arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private static long InodeOf(string path) =>
        long.Parse(Processes.Run("stat", ["--format=%i", path]).Output, CultureInfo.InvariantCulture);
}
