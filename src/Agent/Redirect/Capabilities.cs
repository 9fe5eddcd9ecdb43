namespace Agent.Redirect;

/// <summary>What the kernel lets this process do (capabilities(7)).</summary>
internal static class Capabilities
{
    public const int NetAdmin = 12;
    public const int SysPtrace = 19;
    public const int SysAdmin = 21;
    public const int Perfmon = 38;
    public const int Bpf = 39;

    /// <summary>Whether one is effective. CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON, which 5.8 split off from it.</summary>
    public static bool Has(int capability)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        ulong effective = Convert.ToUInt64(line["CapEff:".Length..].Trim(), 16);
        return (effective >> capability & 1) != 0 || (capability is Perfmon or Bpf && (effective >> SysAdmin & 1) != 0);
    }
}
