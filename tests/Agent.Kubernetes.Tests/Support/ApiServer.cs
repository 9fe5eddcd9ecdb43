using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>
/// A double of the API server that speaks its real protocol over HTTPS: paged lists, watches with bookmarks, selectors, tokens and client
/// certificates, the status subresource and events. Test projects may link the files <c>ApiServer*.cs</c>.
/// </summary>
public sealed partial class ApiServer : IAsyncDisposable
{
    public const string Token = "token-of-the-test";

    private readonly ConcurrentDictionary<string, string> _tokens = new() { [Token] = "test" };
    private readonly X509Certificate2 _certificate;
    private WebApplication? _application;
    private CancellationTokenSource _stopping = new();

    private ApiServer(IPAddress address)
    {
        Address = new IPEndPoint(address, 0);
        _certificate = Certificates.IssueServer("kubernetes.default.svc", "localhost");
        foreach ((string groupVersion, string plural) in (ReadOnlySpan<(string, string)>)
            [("v1", "services"), ("v1", "namespaces"), ("v1", "nodes"), ("v1", "pods"), ("discovery.k8s.io/v1", "endpointslices")])
            Install(groupVersion, plural);
    }

    public ApiServerCertificates Certificates { get; } = new();

    /// <summary>What hurts; to be changed at any time.</summary>
    public ApiServerTrouble Trouble { get; } = new();

    public IPEndPoint Address { get; private set; }

    public Uri Url => new($"https://{Address}");

    /// <summary>All requests that came, in their order.</summary>
    public ConcurrentQueue<SeenRequest> Requests { get; } = new();

    /// <summary>All status patches that were accepted.</summary>
    public ConcurrentQueue<SeenPatch> Patches { get; } = new();

    /// <summary>All events that were accepted.</summary>
    public ConcurrentQueue<JsonObject> Events { get; } = new();

    public HttpProtocols Protocols { get; set; } = HttpProtocols.Http1AndHttp2;

    public static async Task<ApiServer> Start(IPAddress? address = null)
    {
        ApiServer server = new(address ?? IPAddress.Loopback);
        await server.Listen();
        return server;
    }

    public void AllowToken(string token) => _tokens[token] = "test";

    public void RevokeToken(string token) => _tokens.TryRemove(token, out _);

    /// <summary>Goes away, and all connections with it; objects stay.</summary>
    public async Task Stop()
    {
        if (_application is null)
            return;
        await _stopping.CancelAsync();
        await _application.DisposeAsync();
        _application = null;
    }

    /// <summary>Listens, after <see cref="Stop"/> at the same address again.</summary>
    public async Task Listen()
    {
        _stopping = new CancellationTokenSource();
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(50));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(Address, listen =>
        {
            listen.Protocols = Protocols;
            listen.UseHttps(new HttpsConnectionAdapterOptions
            {
                ServerCertificate = _certificate,
                ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                ClientCertificateValidation = (_, _, _) => true,
            });
        }));
        _application = builder.Build();
        _application.Run(Serve);
        await _application.StartAsync();
        Address = IPEndPoint.Parse(_application.Urls.Single()["https://".Length..]);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        Certificates.Dispose();
    }

    private async Task Serve(HttpContext context)
    {
        HttpRequest request = context.Request;
        Requests.Enqueue(new SeenRequest(request.Method, request.Path, request.QueryString.Value ?? "", request.Protocol,
            request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
        using CancellationTokenSource ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token);
        try
        {
            if (Trouble.IsSilent)
                await Task.Delay(Timeout.Infinite, ends.Token);
            else if (WhoAsks(context) is not { } user)
                await Refuse(context, 401, "Unauthorized", "Unauthorized");
            else if (Trouble.TakeRefusal(request.Path) is { } refusal)
                await Refuse(context, refusal.Code, refusal.Reason, refusal.Message, refusal.RetryAfter);
            else
                await Serve(context, user, ends.Token);
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
    }

    private string? WhoAsks(HttpContext context)
    {
        if (context.Connection.ClientCertificate is { } certificate && Certificates.Issued(certificate))
            return certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        string authorization = context.Request.Headers.Authorization.ToString();
        if (authorization == $"Basic {Convert.ToBase64String("admin:secret"u8)}")
            return "admin";
        return authorization.StartsWith("Bearer ", StringComparison.Ordinal) && _tokens.TryGetValue(authorization[7..], out string? user) ? user : null;
    }

    private async Task Serve(HttpContext context, string user, CancellationToken ends)
    {
        if (ObjectPath.TryParse(context.Request.Path, out ObjectPath path) is false)
            await Refuse(context, 404, "", "404 page not found");
        else if (path is { GroupVersion: "events.k8s.io/v1", Plural: "events" } && context.Request.Method == "POST")
            await CreateEvent(context, path);
        else if (Find(path) is not { } kind)
            await Refuse(context, 404, "NotFound", "the server could not find the requested resource");
        else if (Trouble.Forbidden.ContainsKey(path.Plural))
            await Refuse(context, 403, "Forbidden", $"{path.Plural} is forbidden: User \"{user}\" cannot list resource \"{path.Plural}\" at the cluster scope");
        else if (context.Request is { Method: "PATCH" } && path.Subresource == "status")
            await PatchStatus(context, kind, path);
        else if (context.Request.Method != "GET" || path.Name.Length > 0)
            await Refuse(context, 405, "MethodNotAllowed", "the double only lists, watches, patches status and creates events");
        else if (context.Request.Query["watch"] == "true")
            await Watch(context, kind, path, ends);
        else
            await List(context, kind, path);
    }
}

/// <param name="Query">With the question mark; empty when there is none.</param>
/// <param name="Protocol"><c>HTTP/2</c> or <c>HTTP/1.1</c>.</param>
public sealed record SeenRequest(string Method, string Path, string Query, string Protocol, IReadOnlyDictionary<string, string> Headers)
{
    public bool IsWatch => Query.Contains("watch=true", StringComparison.Ordinal);

    public string? Parameter(string name) => Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(Query).TryGetValue(name, out var value) ? value.ToString() : null;
}

public sealed record SeenPatch(string Path, string ContentType, JsonObject Body);
