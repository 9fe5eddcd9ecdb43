using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Agent.Observability;

/// <summary>The CLI's end of the admin socket.</summary>
internal static class AdminClient
{
    private const string OtherVersion = "the agent that runs is of another version: use the lra that it was started with";

    private static readonly TimeSpan _timeout = TimeSpan.FromSeconds(10); // for streams, until the first byte

    /// <summary>Asks the agent that listens on a socket; null when none does.</summary>
    /// <param name="path">With the query, <c>/v1/status</c>.</param>
    /// <exception cref="UnauthorizedAccessException">This user may not open the socket.</exception>
    /// <exception cref="InvalidOperationException">The agent refused, does not answer, or is of another version; the message says which.</exception>
    public static T? Ask<T>(string socketPath, HttpMethod method, string path, JsonTypeInfo<T> type) where T : class
    {
        using HttpClient client = ClientOf(socketPath);
        using HttpRequestMessage request = new(method, $"http://lra{path}");
        try
        {
            using HttpResponseMessage? response = Send(client, request, HttpCompletionOption.ResponseContentRead, socketPath);
            if (response == null)
                return null;
            using Stream body = response.Content.ReadAsStream();
            return JsonSerializer.Deserialize(body, type);
        }
        catch (IOException)
        {
            return null; // the agent ended meanwhile
        }
        catch (JsonException error)
        {
            throw new InvalidOperationException(OtherVersion, error);
        }
    }

    /// <summary>Reads lines as they come, until the visitor has enough, the agent ends them, or the token is cancelled.</summary>
    /// <param name="visit">False: enough.</param>
    /// <exception cref="UnauthorizedAccessException">This user may not open the socket.</exception>
    /// <exception cref="InvalidOperationException">The agent refused, does not answer, or is of another version; the message says which.</exception>
    public static async Task<StreamEnd> Follow(string socketPath, string path, Func<string, bool> visit, CancellationToken token)
    {
        using HttpClient client = ClientOf(socketPath);
        using HttpRequestMessage request = new(HttpMethod.Get, $"http://lra{path}");
        using HttpResponseMessage? response = Send(client, request, HttpCompletionOption.ResponseHeadersRead, socketPath);
        if (response == null)
            return StreamEnd.NoAgent;
        try
        {
            using StreamReader lines = new(await response.Content.ReadAsStreamAsync(token));
            while (await lines.ReadLineAsync(token) is { } line)
            {
                if (!visit(line))
                    return StreamEnd.Enough;
            }

            return StreamEnd.Ended;
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            return StreamEnd.Enough;
        }
        catch (HttpIOException)
        {
            return StreamEnd.Ended; // the agent was killed
        }
        catch (JsonException error)
        {
            throw new InvalidOperationException(OtherVersion, error);
        }
    }

    /// <summary>Whether an agent listens on a socket, be it one that this user may not open.</summary>
    public static bool IsListening(string socketPath) => SocketPath.Try(socketPath) is SocketError.Success or SocketError.AccessDenied;

    private static HttpClient ClientOf(string socketPath) => new(new SocketsHttpHandler
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

    private static HttpResponseMessage? Send(HttpClient client, HttpRequestMessage request, HttpCompletionOption completion, string socketPath)
    {
        try
        {
            HttpResponseMessage response = client.Send(request, completion);
            if (response.IsSuccessStatusCode)
                return response;
            using StreamReader reason = new(response.Content.ReadAsStream());
            throw new InvalidOperationException(
                $"the agent refuses {request.Method} {request.RequestUri!.AbsolutePath}: {(int)response.StatusCode} {reason.ReadToEnd()}".TrimEnd());
        }
        catch (HttpRequestException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            throw new UnauthorizedAccessException($"may not open {socketPath}; run as root", error);
        }
        catch (TaskCanceledException error)
        {
            throw new InvalidOperationException($"the agent listens on {socketPath} and does not answer within {_timeout.TotalSeconds:0} s: it hangs or is stopped; restart it", error);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}

/// <summary>Why no more lines come.</summary>
internal enum StreamEnd
{
    /// <summary>The reader wants no more.</summary>
    Enough,

    /// <summary>The agent has no more, or has ended.</summary>
    Ended,

    /// <summary>Nobody listens.</summary>
    NoAgent,
}
