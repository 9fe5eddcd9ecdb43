using Agent.Cluster;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Observability.Flows;

/// <summary>The kernel's decisions while somebody wants them, on a node that redirects. For one thread.</summary>
/// <param name="open">Opens them; null: the node does not redirect.</param>
internal sealed partial class KernelSource(Func<KernelFlows?> open, ILogger logger) : IDisposable
{
    private KernelFlows? _open;
    private bool _hasFailed;

    /// <summary>Adds what was decided since the last call. After a failure nothing more, until nobody has wanted it and somebody does again.</summary>
    /// <returns>Decisions that are missing.</returns>
    public long Read(bool isWanted, List<Flow> into, FlowReader reader, NodePods pods)
    {
        if (!isWanted)
        {
            Dispose();
            _hasFailed = false;
            return 0;
        }

        try
        {
            _open ??= _hasFailed ? null : open();
            return _open?.Read(into, reader, pods) ?? 0;
        }
        catch (Exception error) when (error is BpfException or IOException or UnauthorizedAccessException)
        {
            // What answers is still noted. The cgroups' directory may go, as that of a container runtime does.
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

    [LoggerMessage(120, LogLevel.Warning, "lra observe shows no decisions of the kernel: {Reason}")]
    private static partial void NoKernel(ILogger logger, string reason);
}
