using System.Net;
using System.Net.Sockets;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>A TCP relay before a server that can fall silent: connections stay open, and nothing comes through, as when a machine loses its network.</summary>
internal sealed class SilentRelay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _target;
    private volatile CancellationTokenSource _silence = new();

    public SilentRelay(IPEndPoint target)
    {
        _target = target;
        _listener.Start();
        _ = Accept();
    }

    public Uri Url => new($"https://{_listener.LocalEndpoint}");

    /// <summary>The connections that there are fall silent for ever; new ones are served.</summary>
    public void Silence()
    {
        CancellationTokenSource silence = _silence;
        _silence = new CancellationTokenSource();
        silence.Cancel();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Relay(await _listener.AcceptTcpClientAsync(_stop.Token), _silence.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private async Task Relay(TcpClient client, CancellationToken silence)
    {
        using TcpClient near = client, far = new();
        await far.ConnectAsync(_target);
        using CancellationTokenSource ends = CancellationTokenSource.CreateLinkedTokenSource(silence, _stop.Token);
        try
        {
            await Task.WhenAny(near.GetStream().CopyToAsync(far.GetStream(), ends.Token), far.GetStream().CopyToAsync(near.GetStream(), ends.Token));
            if (silence.IsCancellationRequested)
                await Task.Delay(Timeout.Infinite, _stop.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
        }
    }
}
