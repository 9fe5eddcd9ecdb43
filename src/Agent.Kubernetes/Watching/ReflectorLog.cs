using Microsoft.Extensions.Logging;

namespace Agent.Kubernetes.Watching;

internal static partial class ReflectorLog
{
    [LoggerMessage(400, LogLevel.Warning, "Not watching {Resource}, going on with what is known: {Reason}")]
    public static partial void Fails(ILogger logger, string resource, string reason);

    [LoggerMessage(401, LogLevel.Information, "Watching {Resource} again, {Count} known")]
    public static partial void Works(ILogger logger, string resource, int count);

    [LoggerMessage(402, LogLevel.Information, "There is no {Resource} of {GroupVersion} in this cluster; looking again every minute")]
    public static partial void NotInstalled(ILogger logger, string resource, string groupVersion);

    [LoggerMessage(403, LogLevel.Critical, "A change of {Resource} met a defect and is lost; please report it")]
    public static partial void CallbackBroken(ILogger logger, string resource, Exception error);

    [LoggerMessage(404, LogLevel.Critical, "Watching {Resource} met a defect and begins anew; please report it")]
    public static partial void Broken(ILogger logger, string resource, Exception error);

    [LoggerMessage(405, LogLevel.Warning, "The API server has gone back from {Resource} of version {Known} to {Current}, as after a restore from a backup; listing them anew")]
    public static partial void WentBack(ILogger logger, string resource, string known, string current);
}
