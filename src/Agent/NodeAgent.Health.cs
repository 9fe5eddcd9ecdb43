using System.Net;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Native;
using Agent.Redirect;
using Agent.Serving;
using Microsoft.Extensions.Logging;

namespace Agent;

// What is known of the agent's own state, beside what it does for its clients.
internal sealed partial class NodeAgent
{
    private readonly NamespaceSlots _namespaces = new();
    private KernelProbe? _probe;

    /// <summary>Whether it was told to stop, and goes on only for a while.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Null where this node does not redirect, or no question can be asked through the kernel.</summary>
    public KernelProbe? Probe => _probe;

    /// <summary>Why there is no <see cref="Probe"/> although this node redirects; null when there is one.</summary>
    public string? ProbeFailure { get; private set; }

    /// <summary>The namespaces that queries are counted by.</summary>
    public NamespaceSlots Namespaces => _namespaces;

    /// <summary>Says that it is not ready any more; all else goes on.</summary>
    public void PrepareToStop() => IsStopping = true;

    /// <summary>Takes the lease, puts the programs in place, which then find an agent, and begins to ask through the kernel whether that works.</summary>
    private void BeginRedirect(Datapath datapath, string cgroup)
    {
        IReadOnlyList<ProbeSocket> sockets = [];
        try
        {
            sockets = ProbeSocket.Open(cgroup);
        }
        catch (RedirectException error)
        {
            ProbeFailure = error.Message;
            CannotProbe(_logger, error.Message);
        }

        ProbeCookies cookies = default;
        for (int i = 0; i < sockets.Count; i++)
            cookies[i] = sockets[i].Cookie;
        _lease = new Lease(datapath, _threads) { ProbeCookies = cookies, FallbackTtl = _configuration.Redirect.FallbackTtl, Changed = Succeed };
        _lease.Begin();
        datapath.Attach(cgroup);
        if (sockets.Count == 0)
            return;
        _probe = new KernelProbe(_configuration.Redirect.PinPath, sockets, ProbeTargets);
        _probe.Begin();
    }

    private void EndLease()
    {
        _probe?.Dispose();
        _lease?.Dispose();
        (_probe, _lease) = (null, null);
    }

    /// <summary>One frontend for each address family: for all the others the kernel goes the same way.</summary>
    private IReadOnlyList<ProbeTarget> ProbeTargets() =>
    [
        .. from frontend in FrontendsWith(_programmed)
           where frontend.IsServedByAgent && frontend.Protocols.Contains(TransportProtocol.Udp)
           let agent = ListenEndPoints().FirstOrDefault(address => address.AddressFamily == frontend.Address.AddressFamily)
           where agent != null
           group new ProbeTarget(new IPEndPoint(frontend.Address, frontend.Port), agent) by agent.AddressFamily into family
           select family.First(),
    ];

    private void KnowPods(NodePods pods)
    {
        ClientNamespaces clients = new(pods, _namespaces);
        _threads.ForEach(thread => thread.Recorder.Namespaces.Know(clients));
    }

    [LoggerMessage(108, LogLevel.Error, "The redirect works unseen, and the agent is not ready: {Reason}")]
    private static partial void CannotProbe(ILogger logger, string reason);
}
