using System.ComponentModel;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Redirect;

/// <summary>Has the sockets destroyed that point at a backend which is gone, in the background, after the frontends have changed.</summary>
/// <param name="cgroup">Where the programs are attached.</param>
internal sealed partial class SocketCleaner(string pinPath, string cgroup, ILogger logger) : IDisposable
{
    // Changes that come together are looked at together, and a node whose pods come and go spends little on it.
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _stop = new();
    private HashSet<(Endpoint, Endpoint)>? _before; // the targets at the last look; null: look whatever they are
    private Thread? _thread; // there while there is something to do: it enters other namespaces, and ends after it
    private bool _isAsked;
    private bool _hasWarned;

    /// <summary>The frontends may have changed.</summary>
    public void Look()
    {
        lock (_lock)
        {
            _isAsked = true;
            if (_thread != null || _stop.IsSet)
                return;
            _thread = new Thread(Run) { Name = "stale sockets", IsBackground = true };
            _thread.Start();
        }
    }

    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            _stop.Set();
            thread = _thread;
        }

        thread?.Join();
    }

    private void Run()
    {
        while (!_stop.Wait(_pace))
        {
            lock (_lock)
                _isAsked = false;
            Clean();
            lock (_lock)
            {
                if (_isAsked)
                    continue;
                _thread = null;
                return;
            }
        }
    }

    private void Clean()
    {
        try
        {
            HashSet<(Endpoint, Endpoint)> targets = StaleSockets.Targets(pinPath, withAgent: true);
            bool isNoneGone = _before?.IsSubsetOf(targets) == true;
            _before = targets;
            if (isNoneGone)
                return;
            StaleSocketsReport report = StaleSockets.Destroy(pinPath, cgroup, withAgent: true);
            if (report.Destroyed.Count > 0)
            {
                Destroyed(
                    logger, report.Destroyed.Count, report.Destroyed.Select(socket => socket.Cgroup).Distinct().Count(),
                    string.Join(", ", report.Destroyed.Select(socket => socket.Backend).Distinct().Order()));
            }

            if (report.Failures.Count > 0)
                Warn(string.Join("; ", report.Failures));
        }
        catch (Exception error) when (error is BpfException or Win32Exception or IOException or UnauthorizedAccessException)
        {
            _before = null;
            Warn(error.Message);
        }
    }

    /// <summary>Once: what is missing now will be missing the next time.</summary>
    private void Warn(string reason)
    {
        if (!_hasWarned)
            CannotDestroy(logger, reason);
        _hasWarned = true;
    }

    [LoggerMessage(110, LogLevel.Information, "Destroyed {Sockets} connected UDP socket(s) of {Pods} pod(s) that pointed at {Backends}, gone since")]
    private static partial void Destroyed(ILogger logger, int sockets, int pods, string backends);

    [LoggerMessage(111, LogLevel.Warning, "Connected UDP sockets that point at a backend which is gone are left to their owners' time-outs: {Reason}; it takes CONFIG_INET_DIAG_DESTROY, hostPID, CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_SYS_PTRACE. This is said once")]
    private static partial void CannotDestroy(ILogger logger, string reason);
}
