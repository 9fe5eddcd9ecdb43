namespace Agent.Lab.Tests;

/// <summary>A test that needs root, cgroup v2 and BPF. On a machine that has them it is never skipped.</summary>
public sealed class BpfFactAttribute : FactAttribute
{
    public BpfFactAttribute() => Skip = Machine.LacksForBpf;
}

/// <inheritdoc cref="BpfFactAttribute"/>
public sealed class BpfTheoryAttribute : TheoryAttribute
{
    public BpfTheoryAttribute() => Skip = Machine.LacksForBpf;
}
