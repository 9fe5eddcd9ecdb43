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
        Bpftool(["map", "update", "pinned", Path.Combine(lab.Pins, "agent_lease"), "key", "0", "0", "0", "0", "value", "99", .. Enumerable.Repeat("0", 39)]);

    /// <summary>Makes the pins look like those of layout 1, which had a longer lease and other maps for cgroups.</summary>
    public static void PretendLayout1(LabFixture lab)
    {
        foreach (string map in new[] { "agent_lease", "cgroup_modes", "modes_generation", "cgroup_verdicts", "skipped_cgroups", "observers" })
            File.Delete(Path.Combine(lab.Pins, map));
        string lease = Path.Combine(lab.Pins, "agent_lease");
        Bpftool("map", "create", lease, "type", "array", "key", "4", "value", "24", "entries", "1", "name", "agent_lease");
        Bpftool(["map", "update", "pinned", lease, "key", "0", "0", "0", "0", "value", "1", .. Enumerable.Repeat("0", 23)]);
        Bpftool("map", "create", Path.Combine(lab.Pins, "excluded_cgroups"), "type", "hash", "key", "8", "value", "4", "entries", "4096", "name", "excluded_cgroups", "flags", "1");
    }

    /// <summary>Has a frontend's UDP traffic go by other flags, and by no fallback when so.</summary>
    /// <param name="flags">1: the agent serves it.</param>
    public static void Reprogram(LabFixture lab, string frontend, int flags, int fallbackCount)
    {
        string[] key = KeyOf(frontend);
        string[] value = ValueOf(lab, key);
        value[20] = $"{flags}";
        value[26] = $"{fallbackCount}";
        Bpftool(["map", "update", "pinned", Path.Combine(lab.Pins, "frontends"), "key", .. key, "value", .. value]);
    }

    /// <summary>Leaves what the pods behind a frontend ask over UDP alone, or no longer.</summary>
    /// <param name="pod">Its cgroup, below the lab's.</param>
    public static void Skip(LabFixture lab, string frontend, string pod, bool isOn)
    {
        string[] key = KeyOf(frontend);
        string[] value = ValueOf(lab, key);
        value[20] = isOn ? "3" : "1"; // the flags: FRONTEND_AGENT, FRONTEND_SKIPS
        string[] cgroup = [.. BitConverter.GetBytes(InodeOf(Path.Combine(lab.Cgroup, pod))).Select(one => one.ToString(CultureInfo.InvariantCulture))];
        if (isOn)
            Bpftool(["map", "update", "pinned", Path.Combine(lab.Pins, "skipped_cgroups"), "key", .. cgroup, .. key, "0", "0", "0", "0", "value", "1", "0", "0", "0"]);
        Bpftool(["map", "update", "pinned", Path.Combine(lab.Pins, "frontends"), "key", .. key, "value", .. value]);
        if (!isOn)
            Bpftool(["map", "delete", "pinned", Path.Combine(lab.Pins, "skipped_cgroups"), "key", .. cgroup, .. key, "0", "0", "0", "0"]);
    }

    /// <summary>Until when the kernel takes the agent for well, by the clock of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public static TimeSpan LeaseDeadline(LabFixture lab) => TimeSpan.FromTicks(BitConverter.ToInt64(LeaseOf(lab), 8) / TimeSpan.NanosecondsPerTick);

    /// <summary>The id of a pinned map.</summary>
    public static int MapId(LabFixture lab, string name)
    {
        using JsonDocument map = JsonDocument.Parse(Bpftool("-j", "map", "show", "pinned", Path.Combine(lab.Pins, name)));
        return map.RootElement.GetProperty("id").GetInt32();
    }

    /// <summary>How many translations the kernel remembers for sockets that are open.</summary>
    public static int CountRemembered(LabFixture lab) => CountOf(lab, "reverse");

    /// <summary>How many entries a pinned map has.</summary>
    public static int CountOf(LabFixture lab, string map)
    {
        using JsonDocument entries = JsonDocument.Parse(Bpftool("-j", "map", "dump", "pinned", Path.Combine(lab.Pins, map)));
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
        string pending = File.ReadLines($"/proc/{lab.AgentProcess}/status").First(line => line.StartsWith("ShdPnd:", StringComparison.Ordinal));
        return (Convert.ToUInt64(pending["ShdPnd:".Length..].Trim(), 16) & (1UL << (SigTerm - 1))) != 0;
    }

    /// <summary>What the map says of who renews the lease: a thread's ID, or the mark of a dead one.</summary>
    public static uint LeaseOwner(LabFixture lab) => BitConverter.ToUInt32(LeaseOf(lab), 4);

    /// <summary>All that is attached to the lab's cgroups, as text to compare.</summary>
    public static string DescribeAttached(LabFixture lab) => $"links: {string.Join(' ', LinksOf(lab))}\n{Bpftool("cgroup", "tree", lab.Cgroup)}";

    /// <summary>Everything an uninstalled agent must have put back, as text to compare.</summary>
    public static string Describe(LabFixture lab) =>
        string.Join('\n',
            DescribeAttached(lab),
            NetDevicesOf(lab),
            lab.Lab("exec", "w1", "ip", "-brief", "address"),
            Directory.Exists(lab.Pins) ? string.Join(' ', Directory.GetFileSystemEntries(lab.Pins)) : "no pins");

    private static byte[] LeaseOf(LabFixture lab)
    {
        using JsonDocument lease = JsonDocument.Parse(Bpftool("-j", "map", "lookup", "pinned", Path.Combine(lab.Pins, "agent_lease"), "key", "0", "0", "0", "0"));
        return [.. lease.RootElement.GetProperty("value").EnumerateArray().Select(one => Convert.ToByte(one.GetString()![2..], 16))];
    }

    /// <summary>What `bpftool net` shows on w1: programs at its devices, as an agent that worked on packets would leave them.</summary>
    private static string NetDevicesOf(LabFixture lab) => lab.Lab("exec", "w1", "bpftool", "net");

    private static string[] KeyOf(string frontend) => [.. Enumerable.Repeat("0", 10), "255", "255", .. frontend.Split('.'), "0", "53", "17", "0"];

    private static string[] ValueOf(LabFixture lab, string[] key)
    {
        using JsonDocument entry = JsonDocument.Parse(Bpftool(["-j", "map", "lookup", "pinned", Path.Combine(lab.Pins, "frontends"), "key", .. key]));
        return [.. entry.RootElement.GetProperty("value").EnumerateArray().Select(one => one.GetString()!)];
    }

    private static string Bpftool(params string[] arguments)
    {
        CommandResult result = Processes.Run("bpftool", arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private static long InodeOf(string path) =>
        long.Parse(Processes.Run("stat", ["--format=%i", path]).Output, CultureInfo.InvariantCulture);
}
