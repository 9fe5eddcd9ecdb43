using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Agent.Observability;

/// <summary>HTTP over a Unix socket, for the CLI; only the user that the agent runs as may open it.</summary>
internal sealed class AdminServer : IDisposable
{
    public const string StatusPath = "/v1/status";

    private readonly WebApplication _application;

    private AdminServer(WebApplication application) => _application = application;

    /// <exception cref="IOException">The socket cannot be made there.</exception>
    public static AdminServer Start(NodeAgent agent)
    {
        string socket = agent.Configuration.AdminSocket;
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Delete(socket); // an agent that was killed leaves its own
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(socket);
            kestrel.Limits.MaxConcurrentConnections = 32;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
        });
        WebApplication application = builder.Build();
        application.MapGet(StatusPath, (HttpContext context) =>
            context.Response.WriteAsJsonAsync(AgentStatus.Of(agent), StatusJson.Default.AgentStatus));
        application.StartAsync().GetAwaiter().GetResult();
        File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new AdminServer(application);
    }

    /// <summary>Asks the agent that listens on a socket; null when none does.</summary>
    /// <exception cref="UnauthorizedAccessException">This user may not open the socket.</exception>
    public static AgentStatus? Ask(string socketPath)
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
            Timeout = TimeSpan.FromSeconds(2),
        };
        try
        {
            string json = client.GetStringAsync($"http://lra{StatusPath}").GetAwaiter().GetResult();
            return System.Text.Json.JsonSerializer.Deserialize(json, StatusJson.Default.AgentStatus);
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

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
