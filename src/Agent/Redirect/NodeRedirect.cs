using System.ComponentModel;
using System.Net;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Native;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent.Redirect;

/// <summary>
/// This node's redirect, and all that the agent does in the kernel for it: takes the traffic, programs what is found, and gives the traffic back.
/// Of two agents on one node, as while one is upgraded, the one that came last directs the kernel.
/// </summary>
/// <param name="configuration">That in force now.</param>
/// <param name="threads">Those that must make progress for the kernel to send traffic; started before <see cref="Begin"/>.</param>
internal sealed partial class NodeRedirect(Func<AgentConfiguration> configuration, IReadOnlyList<ServingThread> threads, ILogger logger) : IDisposable
{
    private const string SupersededReason = "another agent on this node has taken the traffic; this one answers what still reaches it, until it is stopped";

    private Datapath? _datapath;
    private CgroupTable? _cgroups;
    private Lease? _lease;
    private KernelProbe? _probe;
    private SocketCleaner? _cleaner;
    private ClusterFindings _programmed = ClusterFindings.None;
    private PodModes? _podModes;

    /// <summary>Why this node does not redirect although it should; null when it does, or should not.</summary>
    public string? Failure { get; private set; }

    /// <summary>Null when this node does not redirect.</summary>
    public Datapath? Datapath => _datapath;

    /// <summary>Where the programs are attached; null when this node does not redirect.</summary>
    public string? Cgroup => _cgroups?.Attached;

    /// <summary>Null where this node does not redirect, or no question can be asked through the kernel.</summary>
    public KernelProbe? Probe => _probe;

    /// <summary>Why there is no <see cref="Probe"/> although this node redirects; null when there is one.</summary>
    public string? ProbeFailure { get; private set; }

    /// <summary>Whether there are frontends, and all of them are for other backends than the agent.</summary>
    public bool LeadsElsewhere => FrontendsWith(_programmed).Count > 0 && ProbeTargets().Count == 0;

    private AgentConfiguration Configuration => configuration();

    private bool IsSuperseded => ReferenceEquals(Failure, SupersededReason);

    /// <summary>Takes the traffic; where the node cannot, <see cref="Failure"/> says why.</summary>
    /// <returns>What an agent before this one was told of the cluster, which the kernel goes by until this one knows better.</returns>
    public ClusterFindings Begin()
    {
        ClusterFindings remembered = ClusterFindings.None;
        try
        {
            string cgroup = Configuration.Redirect.Cgroup ?? Cgroups.FindKubepods();
            if (!SelfProbe.Succeeds(Configuration.Listen.EndPoints))
                throw new RedirectException("the agent does not answer on its own addresses within 2 s; see whether a firewall on this node, or clients.drop, drops packets from them");
            _datapath = Datapath.Load(Configuration.Redirect.PinPath);
            _cgroups = CgroupTable.Begin(_datapath, cgroup, Configuration.Redirect.Mode, Configuration.Kubernetes.Enabled, logger);
            if (Configuration.Kubernetes.Enabled)
                remembered = ClusterFindings.Remembered(FrontendTable.Read(_datapath));
            IReadOnlyList<FrontendConfiguration> frontends = FrontendsWith(remembered);
            FrontendTable.Program(_datapath, frontends, Configuration.Listen.EndPoints);
            TakeTraffic(_datapath, cgroup);
            _cleaner = new SocketCleaner(Configuration.Redirect.PinPath, cgroup, logger);
            _cleaner.Look();
            foreach (FrontendConfiguration frontend in Configuration.Redirect.Frontends.Where(frontend => frontend.Fallback.Count == 0))
                NoFallback(logger, frontend.Address);
            Redirecting(logger, frontends.Count, cgroup);
        }
        catch (Exception error) when (error is RedirectException or BpfException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            // DNS must go on without the redirect: the node is left as it was, and everybody is told.
            Abandon();
            Failure = error.Message;
            CannotRedirect(logger, error.Message);
        }

        return remembered;
    }

    /// <summary>Redirects what was found, and what the configuration names.</summary>
    /// <returns>Why the kernel does not go by it; null: it does.</returns>
    public string? Program(ClusterFindings found)
    {
        if (_datapath == null || IsSuperseded)
            return Failure ?? "redirect.enabled is false in the agent's configuration";
        try
        {
            lock (_datapath)
            {
                _programmed = found;
                IReadOnlyList<FrontendConfiguration> frontends = FrontendsWith(found);
                _cgroups?.SetSkipped(frontends);
                FrontendTable.Program(_datapath, frontends, Configuration.Listen.EndPoints);
            }

            _cleaner?.Look();
            return null;
        }
        catch (BpfException error)
        {
            CannotProgram(logger, error.Message);
            return error.Message;
        }
    }

    /// <summary>The configuration has changed: programs it with what was found last.</summary>
    public void Reprogram() => Program(_programmed);

    /// <summary>Tells the kernel which pods to redirect.</summary>
    public void SetPodModes(PodModes modes)
    {
        if (_datapath == null)
            return;
        lock (_datapath)
        {
            _podModes = modes;
            _cgroups?.SetModes(modes.Exceptions);
        }
    }

    /// <summary>Gives the traffic back to the kernel's fallback. Links and maps stay.</summary>
    /// <param name="drain">Answers what is on its way; called where traffic was taken, once the kernel sends no more.</param>
    public void GiveBack(Action drain)
    {
        _probe?.Dispose();
        if (_lease != null)
        {
            _lease.Dispose();
            drain();
        }

        _cleaner?.Dispose();
    }

    /// <summary>Closes what reads the kernel's maps; after <see cref="GiveBack"/>, and when nobody looks at them any more.</summary>
    public void Dispose()
    {
        _cgroups?.Dispose();
        _datapath?.Dispose();
    }

    /// <summary>Takes the lease, puts the programs in place, which then find an agent, and begins to ask through the kernel whether that works.</summary>
    private void TakeTraffic(Datapath datapath, string cgroup)
    {
        IReadOnlyList<ProbeSocket> sockets = [];
        try
        {
            sockets = ProbeSocket.Open(cgroup);
        }
        catch (RedirectException error)
        {
            ProbeFailure = error.Message;
            CannotProbe(logger, error.Message);
        }

        ProbeCookies cookies = default;
        for (int i = 0; i < sockets.Count; i++)
            cookies[i] = sockets[i].Cookie;
        _lease = new Lease(datapath, threads) { ProbeCookies = cookies, FallbackTtl = Configuration.Redirect.FallbackTtl, Changed = Succeed };
        _lease.Begin();
        datapath.Attach(cgroup);
        if (sockets.Count == 0)
            return;
        _probe = new KernelProbe(Configuration.Redirect.PinPath, sockets, ProbeTargets);
        _probe.Begin();
    }

    private void Abandon()
    {
        _probe?.Dispose();
        _lease?.Dispose();
        (_probe, _lease) = (null, null);
        _cgroups?.Dispose();
        _cgroups = null;
        _datapath?.Abandon();
        _datapath = null;
    }

    /// <summary>Leaves the kernel's maps to another agent, or takes them back from one that is gone or hangs. Called by the lease's thread.</summary>
    private void Succeed(bool isHeld)
    {
        lock (_datapath!)
        {
            Failure = isHeld ? null : SupersededReason;
            _cgroups?.Dispose();
            if (isHeld)
                TakeBack();
        }

        if (isHeld)
            TakenBack(logger);
        else
            Superseded(logger);
    }

    private void TakeBack()
    {
        try
        {
            _cgroups = CgroupTable.Begin(_datapath!, _cgroups!.Attached, Configuration.Redirect.Mode, Configuration.Kubernetes.Enabled, logger);
            if (_podModes != null)
                _cgroups.SetModes(_podModes.Exceptions);
            Program(_programmed);
        }
        catch (Exception error) when (error is RedirectException or BpfException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            CannotProgram(logger, error.Message);
        }
    }

    /// <summary>What the configuration names, and what was discovered beside it.</summary>
    private IReadOnlyList<FrontendConfiguration> FrontendsWith(ClusterFindings found)
    {
        IReadOnlyList<FrontendConfiguration> configured = Configuration.Redirect.Frontends;
        return [.. configured, .. found.Frontends.Where(frontend => !configured.Any(frontend.Overlaps))];
    }

    /// <summary>One frontend for each address family: for all the others the kernel goes the same way.</summary>
    private IReadOnlyList<ProbeTarget> ProbeTargets() =>
    [
        .. from frontend in FrontendsWith(_programmed)
           where frontend.IsServedByAgent && frontend.Protocols.Contains(TransportProtocol.Udp)
           let agent = Configuration.Listen.EndPoints.FirstOrDefault(address => address.AddressFamily == frontend.Address.AddressFamily)
           where agent != null
           group new ProbeTarget(new IPEndPoint(frontend.Address, frontend.Port), agent) by agent.AddressFamily into family
           select family.First(),
    ];

    [LoggerMessage(102, LogLevel.Information, "Redirecting {Count} frontend(s) of the pods in {Cgroup}")]
    private static partial void Redirecting(ILogger logger, int count, string cgroup);

    [LoggerMessage(103, LogLevel.Error, "Not redirecting, serving only: {Reason}")]
    private static partial void CannotRedirect(ILogger logger, string reason);

    [LoggerMessage(105, LogLevel.Warning, "Frontend {Address} has no fallback: while the agent is away, its pods have no DNS")]
    private static partial void NoFallback(ILogger logger, IPAddress address);

    [LoggerMessage(106, LogLevel.Error, "The kernel refuses the changed frontends, and goes by those of before: {Reason}")]
    private static partial void CannotProgram(ILogger logger, string reason);

    [LoggerMessage(108, LogLevel.Error, "The redirect works unseen, and the agent is not ready: {Reason}")]
    private static partial void CannotProbe(ILogger logger, string reason);

    [LoggerMessage(113, LogLevel.Information, "Another agent on this node has taken the traffic; this one answers what still reaches it")]
    private static partial void Superseded(ILogger logger);

    [LoggerMessage(114, LogLevel.Warning, "The agent that had taken the traffic is gone or hangs; this one has it again")]
    private static partial void TakenBack(ILogger logger);
}
