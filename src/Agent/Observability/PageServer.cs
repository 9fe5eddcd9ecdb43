using System.Net;
using System.Net.Sockets;
using Agent.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Agent.Observability;

/// <summary>Some pages over HTTP at one address, for GET and HEAD alone; connections and requests are bounded.</summary>
internal sealed partial class PageServer : IDisposable
{
    private readonly IReadOnlyDictionary<string, Func<HttpContext, Task>> _pages;
    private readonly WebApplication _application;

    /// <summary>A socket of [::] takes IPv4 too (see <see cref="Bind"/>); without IPv6 in the kernel there is none.</summary>
    private static IPAddress Everywhere => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;

    private PageServer(IPEndPoint address, IReadOnlyDictionary<string, Func<HttpContext, Task>> pages)
    {
        _pages = pages;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = Bind);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(address);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxRequestHeadersTotalSize = 8 * 1024;
            // Below the interval of most scrapes: who holds connections for nothing must not keep out others for long.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        });
        _application = builder.Build();
        _application.Run(Answer);
    }

    /// <summary>Starts it. A port that is taken is logged, and DNS goes on.</summary>
    /// <param name="section">Of the configuration, where the port is set.</param>
    /// <param name="configured">Port 0: nothing is served. <c>0.0.0.0</c> and <c>::</c>: every address of the node, of both families.</param>
    /// <param name="pages">By path.</param>
    /// <returns>Null when nothing is served.</returns>
    public static PageServer? Start(string section, IPEndPoint configured, IReadOnlyDictionary<string, Func<HttpContext, Task>> pages, ILogger logger)
    {
        if (configured.Port == 0)
            return null;
        IPEndPoint address = Addresses.IsAny(configured.Address) ? new IPEndPoint(Everywhere, configured.Port) : configured;
        string paths = string.Join(", ", pages.Keys);
        PageServer server = new(address, pages);
        try
        {
            server._application.StartAsync().GetAwaiter().GetResult();
            Serving(logger, address, paths);
            return server;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            server.Dispose();
            CannotServe(logger, paths, address, (error.InnerException ?? error).Message, section);
            return null;
        }
    }

    public static Task Write(HttpContext context, int status, string text) =>
        Write(context, status, System.Text.Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");

    public static Task Write(HttpContext context, int status, byte[] body, string type)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(body).AsTask();
    }

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>The port is shared with an agent that is being replaced by this one, and is this one's alone when the other has ended.</summary>
    private static Socket Bind(EndPoint address)
    {
        const int SolSocket = 1;
        const int ReusePort = 15;
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address is IPEndPoint { Address: var any } && any.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.SetRawSocketOption(SolSocket, ReusePort, BitConverter.GetBytes(1));
            socket.Bind(address);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private Task Answer(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return Write(context, StatusCodes.Status405MethodNotAllowed, "GET or HEAD only\n");
        }

        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
        {
            context.Response.Headers.Connection = "close"; // nobody reads it
            return Write(context, StatusCodes.Status413PayloadTooLarge, "no body\n");
        }

        return _pages.TryGetValue(context.Request.Path.Value ?? "", out Func<HttpContext, Task>? page)
            ? page(context)
            : Write(context, StatusCodes.Status404NotFound, $"{string.Join(", ", _pages.Keys)}\n");
    }

    [LoggerMessage(500, LogLevel.Information, "{Paths} at http://{Address}")]
    private static partial void Serving(ILogger logger, IPEndPoint address, string paths);

    [LoggerMessage(501, LogLevel.Error, "No {Paths}: {Address} cannot be served ({Reason}); free it, or set {Section}.port. DNS goes on")]
    private static partial void CannotServe(ILogger logger, string paths, IPEndPoint address, string reason, string section);
}
