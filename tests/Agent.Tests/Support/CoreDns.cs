namespace Agent.Tests.Support;

/// <summary>The real CoreDNS that the environment variable COREDNS names.</summary>
internal static class CoreDns
{
    /// <summary>The path of its executable; null where there is none.</summary>
    public static string? Program { get; } = Environment.GetEnvironmentVariable("COREDNS") is { Length: > 0 } path ? Path.GetFullPath(path) : null;

    /// <summary>Why tests that need it cannot run; null when they can.</summary>
    public static string? Lacks => Program == null ? "COREDNS names no CoreDNS executable: not compared with a real one (tests/README.md)" : null;
}

/// <summary>A test that needs a real CoreDNS; where there is one it is never skipped.</summary>
public sealed class CoreDnsFactAttribute : FactAttribute
{
    public CoreDnsFactAttribute() => Skip = CoreDns.Lacks;
}

/// <inheritdoc cref="CoreDnsFactAttribute"/>
public sealed class CoreDnsTheoryAttribute : TheoryAttribute
{
    public CoreDnsTheoryAttribute() => Skip = CoreDns.Lacks;
}
