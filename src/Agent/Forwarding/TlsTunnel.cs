using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Agent.Configuration;
using Agent.Native;
using Microsoft.Extensions.Logging;

namespace Agent.Forwarding;

/// <summary>
/// The way to one server over TLS (RFC 7858) or HTTPS (RFC 8484), under the strict profile of RFC 8310: nothing is sent before the certificate is
/// verified, and nothing in plain text. A connection is one end of a pair of sockets, which the forwarder's loop treats like any other; behind the other end a
/// task carries the bytes. For all threads.
/// </summary>
internal sealed partial class TlsTunnel(IPEndPoint server, TlsConfiguration tls, ILogger logger)
{
    private const int RecordSize = 16 * 1024; // the longest of TLS: a batch of queries leaves as one
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2); // for connecting and the handshake

    private volatile string? _failure;

    /// <summary>Why the last connection was not made, an unverified certificate for instance; null when it was, or none was tried.</summary>
    public string? Failure => _failure;

    /// <summary>As people know it.</summary>
    public string Protocol => tls.HttpsPath == null ? "TLS" : "HTTPS";

    /// <summary>What the certificate must name.</summary>
    private string Name => tls.ServerName ?? server.Address.ToString();

    /// <summary>Begins a connection. It closes when the server cannot be reached or verified, and ends when it is closed.</summary>
    /// <returns>False when the process is out of descriptors.</returns>
    public bool TryOpen(out NativeSocket near)
    {
        if (!NativeSocket.TryOpenPair(out near, out NativeSocket far))
            return false;
        Socket farSocket = new(new SafeSocketHandle(far.Descriptor, ownsHandle: true));
        try
        {
            Socket connection = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _ = Task.Run(() => Run(new NetworkStream(farSocket, ownsSocket: true), connection));
            return true;
        }
        catch (SocketException)
        {
            near.Close();
            farSocket.Dispose();
            return false;
        }
    }

    private async Task Run(NetworkStream far, Socket connection)
    {
        using (far)
        using (connection)
        {
            try
            {
                if (tls.HttpsPath == null)
                    await CarryOverTls(far, connection);
                else
                    await CarryOverHttps(far, connection, tls.HttpsPath);
            }
            catch (OperationCanceledException)
            {
                Note($"no answer within {_patience.TotalSeconds} s");
            }
            catch (Exception error)
            {
                // Refused, closed, not verified, the CA file gone: whatever it is, there is no connection, and the log says why.
                Note(error.GetBaseException().Message);
            }
        }
    }

    private async Task CarryOverTls(NetworkStream far, Socket connection)
    {
        using CancellationTokenSource stop = new(_patience);
        await connection.ConnectAsync(server, stop.Token);
        await using SslStream stream = new(new NetworkStream(connection), leaveInnerStreamOpen: false);
        SslClientAuthenticationOptions options = Verification();
        options.TargetHost = Name;
        options.ApplicationProtocols = [new SslApplicationProtocol("dot")];
        await stream.AuthenticateAsClientAsync(options, stop.Token);
        stop.CancelAfter(Timeout.InfiniteTimeSpan);
        Note(failure: null);
        await Carry(far, stream, stop);
    }

    private async Task CarryOverHttps(NetworkStream far, Socket connection, string path)
    {
        SocketsHttpHandler handler = new()
        {
            SslOptions = Verification(),
            ConnectTimeout = _patience,
            ConnectCallback = async (_, stop) =>
            {
                await connection.ConnectAsync(server, stop); // fails when it was connected before: one connection, and no second
                return new NetworkStream(connection);
            },
            MaxConnectionsPerServer = 1,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
        using HttpsCarrier carrier = new(far, new UriBuilder(Uri.UriSchemeHttps, Name, server.Port, path).Uri, handler);
        await carrier.Run(Note);
    }

    private SslClientAuthenticationOptions Verification()
    {
        // Revocation lists and missing issuers would be fetched from hosts that only this resolver could find.
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (tls.CaFile != null)
        {
            // Read for each connection, so that a renewed file is used.
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.ImportFromPemFile(tls.CaFile);
        }

        return new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13, CertificateChainPolicy = policy };
    }

    /// <summary>Carries bytes both ways until one side ends.</summary>
    private static async Task Carry(NetworkStream far, SslStream stream, CancellationTokenSource stop)
    {
        await Task.WhenAll(EndWith(far.CopyToAsync(stream, RecordSize, stop.Token)), EndWith(stream.CopyToAsync(far, RecordSize, stop.Token)));

        async Task EndWith(Task copy)
        {
            try
            {
                await copy;
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or AuthenticationException)
            {
                // The server or the forwarder closed: the forwarder finds out and connects anew.
            }

            await stop.CancelAsync();
        }
    }

    /// <summary>Logs when something other than before comes out of connecting.</summary>
    private void Note(string? failure)
    {
        string? before = Interlocked.Exchange(ref _failure, failure);
        if (failure != null && failure != before)
            CannotConnect(logger, Protocol, server, Name, failure);
        else if (failure == null && before != null)
            Connected(logger, Protocol, server);
    }

    [LoggerMessage(310, LogLevel.Warning, "No {Protocol} connection to {Server} as {Name}, which is not asked in plain text instead: {Reason}")]
    private static partial void CannotConnect(ILogger logger, string protocol, IPEndPoint server, string name, string reason);

    [LoggerMessage(311, LogLevel.Information, "{Protocol} connection to {Server} again")]
    private static partial void Connected(ILogger logger, string protocol, IPEndPoint server);
}
