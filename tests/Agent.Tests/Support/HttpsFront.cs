using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Agent.Tests.Support;

/// <summary>A DNS server over HTTPS whose every response a test decides.</summary>
internal sealed class HttpsFront : IDisposable
{
    private readonly WebApplication _application;
    private readonly ConcurrentDictionary<string, byte> _connections = [];

    public HttpsFront(Credential credential, Func<HttpContext, byte[], Task> handler)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(EndPoint, listen => listen.UseHttps(credential.Certificate)));
        _application = builder.Build();
        _application.Run(async context =>
        {
            _connections.TryAdd(context.Connection.Id, 0);
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            Requests.Enqueue((context.Request.Method, context.Request.Path, context.Request.Protocol, context.Request.ContentType, body.ToArray()));
            await handler(context, body.ToArray());
        });
        _application.StartAsync().GetAwaiter().GetResult();
    }

    public IPEndPoint EndPoint { get; } = TestAddress.Next();

    public ConcurrentQueue<(string Method, string Path, string Protocol, string? Type, byte[] Query)> Requests { get; } = [];

    public int Connections => _connections.Count;

    public static Task Answer(HttpContext context, byte[] query)
    {
        DnsMessage message = DnsMessage.Parse(query);
        context.Response.ContentType = "application/dns-message";
        return context.Response.Body.WriteAsync(message.Reply(RR.AddressRecord(message.Name, "192.0.2.1")).ToBytes()).AsTask();
    }

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
