using System.Net;
using System.Text;
using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>DNS over HTTPS to the upstreams (RFC 8484).</summary>
public sealed class DohTests : IDisposable
{
    private const string ServerName = "dns.example";

    private readonly CertificateAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task P35_hundreds_of_queries_share_one_connection_with_the_ID_0_and_padding()
    {
        const int Queries = 300;
        using HttpsFront front = new(_authority.Issue(ServerName), HttpsFront.Answer);
        using AgentUnderTest agent = Agent(front.EndPoint);
        using UdpConversation client = new(agent.EndPoint);
        HashSet<string> left = [.. Enumerable.Range(0, Queries).Select(i => $"n{i}{new string('x', i % 60)}.example.test")];

        foreach (string name in left)
            client.Send(DnsMessage.Query(name));
        while (left.Count > 0)
        {
            DnsMessage reply = await client.Receive();
            Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
            left.Remove(reply.Name);
        }

        Assert.Equal(1, front.Connections);
        Assert.All(front.Requests, request => Assert.Equal(("POST", "/dns-query", "HTTP/2", "application/dns-message"), (request.Method, request.Path, request.Protocol, request.Type)));
        Assert.All(front.Requests, request => Assert.Equal((0, 0), (DnsMessage.Parse(request.Query).Id, request.Query.Length % 128)));
    }

    [Theory]
    [InlineData(500, "application/dns-message", null, "status 500")]
    [InlineData(200, "text/html", null, "text/html")]
    [InlineData(200, "application/dns-message", "short", "5 bytes")]
    [InlineData(302, "application/dns-message", null, "status 302")]
    public async Task P35_what_is_no_DNS_message_is_no_answer(int status, string type, string? body, string reason)
    {
        using HttpsFront front = new(_authority.Issue(ServerName), async (context, query) =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = type;
            context.Response.Headers.Location = "https://127.0.0.1/elsewhere";
            DnsMessage message = DnsMessage.Parse(query);
            byte[] answer = message.Reply(RR.AddressRecord(message.Name, "203.0.113.66")).ToBytes();
            await context.Response.Body.WriteAsync(body == null ? answer : Encoding.ASCII.GetBytes(body));
        });
        using AgentUnderTest agent = Agent(front.EndPoint);

        DnsMessage reply = await agent.Ask("asked.example.test");

        Assert.Equal((2, 0), (reply.ResponseCode, reply.Answers.Count));
        Assert.Contains(agent.Log.Lines, line => line.Contains("No HTTPS connection", StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public async Task P35_a_bad_answer_to_one_question_leaves_the_others_and_the_connection_alone()
    {
        using HttpsFront front = new(_authority.Issue(ServerName), async (context, query) =>
        {
            if (DnsMessage.Parse(query).Name.StartsWith("bad", StringComparison.OrdinalIgnoreCase))
            {
                context.Response.StatusCode = 502;
                return;
            }

            await Task.Delay(50);
            await HttpsFront.Answer(context, query);
        });
        using AgentUnderTest agent = Agent(front.EndPoint);

        for (int i = 0; i < 5; i++)
        {
            Task good = AssertAnswered(agent, $"good{i}.example.test");
            Assert.Equal(2, (await agent.Ask($"bad{i}.example.test")).ResponseCode);
            await good;
        }

        Assert.Equal(1, front.Connections);
    }

    [Fact]
    public async Task P35_a_bad_certificate_ends_in_SERVFAIL_and_no_question_leaves()
    {
        using HttpsFront front = new(_authority.Issue("other.example"), HttpsFront.Answer);
        using AgentUnderTest agent = Agent(front.EndPoint);

        Assert.Equal(2, (await agent.Ask("secret.example.test")).ResponseCode);

        Assert.Empty(front.Requests);
        Assert.Contains(agent.Log.Lines, line => line.Contains("No HTTPS connection", StringComparison.Ordinal));
    }

    private static async Task<DnsMessage> AssertAnswered(AgentUnderTest agent, string name)
    {
        DnsMessage reply = await agent.Ask(name);
        Assert.Equal("192.0.2.1", Assert.Single(reply.Answers).Address.ToString());
        return reply;
    }

    private AgentUnderTest Agent(IPEndPoint server) => AgentUnderTest.Start(AgentUnderTest.Configuration(
        new RouteConfiguration { Zone = "", Servers = [server], Protocol = TransportProtocol.Tcp, Tls = new TlsConfiguration(ServerName, _authority.RootFile, "/dns-query") }));
}
