using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Agent.Kubernetes.Access;

namespace Agent.Kubernetes;

/// <param name="PingAfter">Silence after which the server is asked for a sign of life; at least one second.</param>
/// <param name="PingTimeout">How long it has for it.</param>
internal sealed record ConnectionSettings(TimeSpan PingAfter, TimeSpan PingTimeout)
{
    public ConnectionSettings() : this(TimeSpan.FromSeconds(25), TimeSpan.FromSeconds(10))
    {
    }
}

/// <summary>The HTTP connections of one identity. Disposing it breaks what is under way.</summary>
internal sealed class Connection : IDisposable
{
    private const string Product = "local-redirect-agent";

    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(10);

    private readonly DnsEndPoint _server;
    private readonly ConnectionSettings _settings;

    public Connection(ClusterAccess access, X509Certificate2? certificate, ConnectionSettings settings)
    {
        Certificate = certificate;
        _settings = settings;
        _server = new DnsEndPoint(access.Server.IdnHost, access.Server.Port);
        // The handler takes the name for TLS from the URI; where to connect to, Connect knows.
        Root = new UriBuilder(Uri.UriSchemeHttps, access.TlsServerName ?? access.Server.Host, access.Server.Port).Uri;
        Http = new HttpClient(Handler(access.Trust)) { Timeout = Timeout.InfiniteTimeSpan };
        Http.DefaultRequestHeaders.Accept.Add(new("application/json"));
        string version = typeof(Connection).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        Http.DefaultRequestHeaders.UserAgent.Add(new(Product, version));
        Http.DefaultRequestHeaders.UserAgent.Add(new($"(linux/{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()})"));
    }

    public HttpClient Http { get; }

    public X509Certificate2? Certificate { get; }

    /// <summary>Scheme, name and port that requests are addressed to.</summary>
    public Uri Root { get; }

    public void Dispose() => Http.Dispose();

    private SocketsHttpHandler Handler(ServerTrust trust) => new()
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = trust.Accepts,
            ClientCertificateContext = Certificate is null ? null : SslStreamCertificateContext.Create(Certificate, additionalCertificates: null, offline: true),
        },
        ConnectCallback = Connect,
        ConnectTimeout = _connectTimeout,
        AutomaticDecompression = DecompressionMethods.GZip,
        // A watch is silent for minutes; without pings a dead one would look like a quiet one.
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = _settings.PingAfter,
        KeepAlivePingTimeout = _settings.PingTimeout,
        EnableMultipleHttp2Connections = true,
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
    };

    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // HTTP/1.1 has no pings: there the kernel asks.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)_settings.PingAfter.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Math.Max(1, (int)_settings.PingTimeout.TotalSeconds / 2));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 2);
            await socket.ConnectAsync(_server, stop).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
