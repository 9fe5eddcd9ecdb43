using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;

namespace Agent.Observability;

/// <summary>The CLI's end of the admin socket.</summary>
internal static class AdminClient
{
    private static readonly TimeSpan _timeout = TimeSpan.FromSeconds(10);

    /// <summary>Asks the agent that listens on a socket; null when none does.</summary>
    /// <param name="path">With the query, <c>/v1/status</c>.</param>
    /// <exception cref="UnauthorizedAccessException">This user may not open the socket.</exception>
    /// <exception cref="InvalidOperationException">The agent refused; the message says why.</exception>
    public static T? Ask<T>(string socketPath, HttpMethod method, string path, JsonTypeInfo<T> type) where T : class
    {
        using HttpClient client = new(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            Timeout = _timeout,
        };
        try
        {
            using HttpRequestMessage request = new(method, $"http://lra{path}");
            using HttpResponseMessage response = client.Send(request);
            using Stream body = response.Content.ReadAsStream();
            return response.IsSuccessStatusCode
                ? System.Text.Json.JsonSerializer.Deserialize(body, type)
                : throw new InvalidOperationException($"the agent refuses {method} {path}: {(int)response.StatusCode} {new StreamReader(body).ReadToEnd()}".TrimEnd());
        }
        catch (HttpRequestException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            throw new UnauthorizedAccessException($"may not open {socketPath}; run as root", error);
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }
}
