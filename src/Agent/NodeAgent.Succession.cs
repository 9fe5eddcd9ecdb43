using System.ComponentModel;
using Agent.Native;
using Agent.Redirect;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent;

// Two agents on one node, as while one is upgraded: the one that came last directs the kernel; both answer what reaches them.
internal sealed partial class NodeAgent
{
    private const long LongestDrain = 1_500; // milliseconds

    private const string SupersededReason = "another agent on this node has taken the traffic; this one answers what still reaches it, until it is stopped";

    /// <summary>The sockets that clients send to, for an agent that starts beside this one.</summary>
    public IReadOnlyList<NativeSocket> ListenSockets { get; private set; } = [];

    private bool IsSuperseded => ReferenceEquals(RedirectFailure, SupersededReason);

    /// <summary>Leaves the kernel's maps to another agent, or takes them back from one that is gone or hangs. Called by the lease's thread.</summary>
    private void Succeed(bool isHeld)
    {
        lock (_datapath!)
        {
            RedirectFailure = isHeld ? null : SupersededReason;
            _cgroups?.Dispose();
            if (isHeld)
                TakeBack();
        }

        if (isHeld)
            TakenBack(_logger);
        else
            Superseded(_logger);
    }

    private void TakeBack()
    {
        try
        {
            _cgroups = CgroupTable.Begin(_datapath!, _cgroups!.Attached, _configuration.Redirect.Mode, _configuration.Kubernetes.Enabled, _logger);
            Program(_programmed);
        }
        catch (Exception error) when (error is RedirectException or BpfException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            CannotProgram(_logger, error.Message);
        }
    }

    /// <summary>Goes on serving what was sent before the kernel changed its mind: what sits in the sockets, then what upstreams still owe.</summary>
    private void Drain()
    {
        long started = Environment.TickCount64;
        do
            Thread.Sleep(ServingThread.LongestTurn);
        while (_threads.Any(thread => !thread.IsIdle) && Environment.TickCount64 - started < LongestDrain);
    }

    [LoggerMessage(112, LogLevel.Information, "Reads {Count} listening sockets together with the agent that runs")]
    private static partial void Inherited(ILogger logger, int count);

    [LoggerMessage(113, LogLevel.Information, "Another agent on this node has taken the traffic; this one answers what still reaches it")]
    private static partial void Superseded(ILogger logger);

    [LoggerMessage(114, LogLevel.Warning, "The agent that had taken the traffic is gone or hangs; this one has it again")]
    private static partial void TakenBack(ILogger logger);
}
