using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Agent.Observability;

/// <summary>Tells systemd how the agent is doing (sd_notify(3)); silent where systemd did not start it.</summary>
internal sealed class ServiceManager : IDisposable
{
    private readonly string? _socketPath = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");
    private readonly Timer? _watchdog;

    private ServiceManager(NodeAgent agent)
    {
        // Twice in the time after which systemd takes the process for hung (sd_watchdog_enabled(3)).
        if (_socketPath == null || !long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds))
            return;
        TimeSpan half = TimeSpan.FromMicroseconds(microseconds / 2.0);
        _watchdog = new Timer(_ => Reassure(agent), null, half, half);
    }

    /// <summary>Says that the agent serves, and from then on, where systemd wants to know, that its threads turn.</summary>
    public static ServiceManager Begin(NodeAgent agent)
    {
        ServiceManager manager = new(agent);
        manager.Notify("READY=1");
        return manager;
    }

    public void SayStopping() => Notify("STOPPING=1");

    public void Dispose() => _watchdog?.Dispose();

    private async void Reassure(NodeAgent agent)
    {
        if ((await Health.Workers(agent.Threads)).IsWell)
            Notify("WATCHDOG=1");
    }

    private void Notify(string state)
    {
        if (string.IsNullOrEmpty(_socketPath))
            return;
        // An abstract address is written with @ and begins with a zero.
        string path = _socketPath[0] == '@' ? $"\0{_socketPath[1..]}" : _socketPath;
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            // systemd will say that it heard nothing; DNS must not end for that.
        }
    }
}
