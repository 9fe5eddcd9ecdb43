using Agent.Configuration;
using Agent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Agent.Cluster;

/// <summary>What this node's pods and their namespaces ask for: whether they are redirected, and how they walk along their search lists.</summary>
internal sealed partial class PodSettings(AgentConfiguration configuration, ClusterConsequences consequences, ILogger logger)
{
    private readonly RedirectMode _standardMode = configuration.Redirect.Mode;
    private readonly bool _autopath = configuration.Kubernetes.Autopath;
    private readonly PodSearches _searches = new(configuration.ClusterDomain, configuration.Kubernetes.ResolvConf);
    private volatile PodModes _modes = PodModes.None;
    private volatile PodWalks _walks = PodWalks.None;

    /// <summary>Null before the first <see cref="Judge"/>.</summary>
    public PodModes? Modes => _modes == PodModes.None ? null : _modes;

    /// <summary>Nothing is known of them before the first <see cref="Judge"/>.</summary>
    public PodWalks Walks => _walks;

    /// <summary>Finds out what they ask for now, and passes it on. One call after the other.</summary>
    public void Judge(NodePods pods, Func<string, Namespace?> findNamespace)
    {
        PodModes modes = new(_standardMode, pods.All, findNamespace);
        string? failure = _searches.Failure;
        _searches.Update(pods.All);
        PodWalks walks = new(pods, _searches.Find, findNamespace);
        foreach (string mistake in modes.Mistakes.Concat(walks.Mistakes).Except(_modes.Mistakes.Concat(_walks.Mistakes)))
            UnknownMode(logger, mistake);
        if (_searches.Failure is { } found && found != failure && _autopath)
            SearchListsUnknown(logger, found);
        (_modes, _walks) = (modes, walks);
        consequences.SetPodModes(modes);
        if (_autopath)
            consequences.Names.PublishSearches(walks.Lists);
    }

    [LoggerMessage(402, LogLevel.Warning, "Ignored: {Mistake}")]
    private static partial void UnknownMode(ILogger logger, string mistake);

    [LoggerMessage(403, LogLevel.Warning, "Autopath is off for pods that are new: {Reason}. Set kubernetes.resolvConf to the file that the kubelet has as its --resolv-conf")]
    private static partial void SearchListsUnknown(ILogger logger, string reason);
}
