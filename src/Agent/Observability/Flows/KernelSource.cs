using Agent.Cluster;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Observability.Flows;

/// <summary>The kernel's decisions while somebody wants them, on a node that redirects. For one thread.</summary>
internal sealed partial class KernelSource(NodeAgent agent, ILogger logger) : IDisposable
{
    private KernelFlows? _open;
    private bool _hasFailed;

    /// <summary>Adds what was decided since the last call.</summary>
    /// <returns>Decisions that are missing.</returns>
    public long Read(bool isWanted, List<Flow> into, FlowReader reader)
    {
        if (!isWanted)
        {
            Dispose();
            return 0;
        }

        try
        {
            _open ??= _hasFailed ? null : Open();
            return _open?.Read(into, reader, agent.Cluster?.Pods ?? NodePods.None) ?? 0;
        }
        catch (BpfException error)
        {
            Dispose();
            _hasFailed = true;
            NoKernel(logger, error.Message);
            return 0;
        }
    }

    public void Dispose()
    {
        _open?.Dispose();
        _open = null;
    }

    private KernelFlows? Open() =>
        agent.Redirect is { Datapath: not null, Cgroup: { } cgroup } ? new KernelFlows(agent.Configuration.Redirect.PinPath, cgroup) : null;

    [LoggerMessage(120, LogLevel.Warning, "lra observe shows no decisions of the kernel: {Reason}")]
    private static partial void NoKernel(ILogger logger, string reason);
}
