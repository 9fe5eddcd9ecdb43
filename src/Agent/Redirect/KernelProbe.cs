using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>
/// Asks this agent through the kernel's redirect, as a pod does, every few seconds. The question is well only if the kernel translated it to the
/// agent, the agent answered, and the answer seems to come from the frontend.
/// </summary>
internal sealed class KernelProbe : IDisposable
{
    /// <summary>How old the last answer may be.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _wait = TimeSpan.FromMilliseconds(500);

    private readonly BpfMap<ReverseKey, Endpoint> _reverse;
    private readonly Func<IReadOnlyList<ProbeTarget>> _targets;
    private readonly Dictionary<AddressFamily, ProbeSocket> _sockets;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stop = new();
    private long _answeredAt;
    private long _answered;
    private long _failed;
    private volatile string? _failure = "not asked yet";

    /// <param name="sockets">Those of <see cref="ProbeSocket.Open"/>; this closes them.</param>
    /// <param name="targets">What to ask now.</param>
    /// <exception cref="BpfException">The pinned map cannot be opened.</exception>
    public KernelProbe(string pinPath, IReadOnlyList<ProbeSocket> sockets, Func<IReadOnlyList<ProbeTarget>> targets)
    {
        _reverse = BpfMap<ReverseKey, Endpoint>.Open(Path.Combine(pinPath, Pins.Reverse));
        _sockets = sockets.ToDictionary(socket => socket.Family);
        _targets = targets;
        _thread = new Thread(Run) { Name = "probe" };
    }

    public long Answered => Volatile.Read(ref _answered);

    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Since the last answer; null: there was none.</summary>
    public TimeSpan? LastAnswer => Volatile.Read(ref _answeredAt) is > 0 and long at ? Stopwatch.GetElapsedTime(at) : null;

    /// <summary>What went wrong the last time; null: nothing.</summary>
    public string? Failure => _failure;

    public bool IsWell => LastAnswer < Patience;

    public void Begin() => _thread.Start();

    public void Dispose()
    {
        _stop.Set();
        if (_thread.IsAlive)
            _thread.Join();
        foreach (ProbeSocket socket in _sockets.Values)
            socket.Dispose();
        _reverse.Dispose();
    }

    private void Run()
    {
        do
            Ask();
        while (!_stop.Wait(_interval));
    }

    private void Ask()
    {
        IReadOnlyList<ProbeTarget> targets = _targets();
        _failure = targets.Count == 0 ? "there is no frontend yet" : targets.Select(Ask).FirstOrDefault(failure => failure != null);
        if (_failure == null)
        {
            Volatile.Write(ref _answeredAt, Stopwatch.GetTimestamp());
            _answered++;
        }
        else if (targets.Count > 0)
        {
            _failed++;
        }
    }

    /// <returns>What is wrong; null: nothing.</returns>
    private string? Ask(ProbeTarget target)
    {
        if (!_sockets.TryGetValue(target.Frontend.AddressFamily, out ProbeSocket? socket))
            return $"this node has no {target.Frontend.AddressFamily} sockets";
        try
        {
            bool isAnswered = socket.Ask(target.Frontend, _wait, out IPEndPoint? from);
            if (TakeTarget(socket.Cookie) is not { } sentTo)
                return $"the kernel leaves questions for {target.Frontend} alone";
            if (!sentTo.Equals(target.Agent))
                return $"the kernel sends questions for {target.Frontend} to {sentTo}, not to {target.Agent}";
            if (!isAnswered)
                return $"no answer from {target.Frontend} within {_wait.TotalMilliseconds} ms";
            return from!.Equals(target.Frontend) ? null : $"the answer of {target.Frontend} seems to come from {from}";
        }
        catch (Exception error) when (error is SocketException or BpfException)
        {
            return $"{target.Frontend}: {error.Message}";
        }
    }

    /// <summary>Where the programs noted that they sent the socket's last question; the note is taken away, so that the next is a new one.</summary>
    private IPEndPoint? TakeTarget(ulong cookie)
    {
        ReverseKey last = new() { cookie = cookie, backend = new Endpoint { protocol = Endpoint.Udp } };
        if (!_reverse.TryLookup(last, out Endpoint backend))
            return null;
        _reverse.Delete(new ReverseKey { cookie = cookie, backend = backend });
        _reverse.Delete(last);
        return backend.ToEndPoint();
    }
}

/// <summary>A frontend, and where its questions must arrive while the agent is well.</summary>
internal sealed record ProbeTarget(IPEndPoint Frontend, IPEndPoint Agent);
