using Agent.Kubernetes.Tests.Support;

namespace Agent.Deploy.Tests;

/// <summary>A test that runs helm, kubectl or the schemas, which tests/manifest-tools brings.</summary>
public sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute() => Skip = Tools.Lacking;
}

/// <inheritdoc cref="ToolFactAttribute"/>
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute() => Skip = Tools.Lacking;
}

internal static class Tools
{
    public static string Directory { get; } = Path.Combine(DeployedYaml.Root, "out/manifest-tools");

    /// <summary>Why the tools are not there; null when they are.</summary>
    public static string? Lacking { get; } = File.Exists(Path.Combine(Directory, "complete")) ? null : $"{Directory} is not complete: run tests/manifest-tools";
}
