using System.Net;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Serving;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Serving;

/// <summary>What becomes of TCP clients when the agent stops.</summary>
public sealed class TcpEndingTests
{
    [Fact]
    public async Task F4_all_connections_that_wait_when_the_agent_stops_are_answered()
    {
        using SharedFlights flights = new();
        // It never runs, so that at its end as many wait as a thread without a processor would find.
        TcpServer server = Server(flights, out IPEndPoint address);
        List<TcpConversation> clients = await Connect(address, 300);
        foreach (TcpConversation client in clients)
            await client.Send(DnsMessage.Query("localhost"));

        server.Stop();

        foreach (TcpConversation client in clients)
            await AssertAnswered(client, 1);
    }

    [Fact]
    public async Task F4_all_that_open_connections_have_asked_when_the_agent_stops_is_answered()
    {
        using SharedFlights flights = new();
        TcpServer server = Server(flights, out IPEndPoint address);
        server.Start();
        List<TcpConversation> clients = await Connect(address, 600);
        foreach (TcpConversation client in clients)
        {
            await client.Send(DnsMessage.Query("localhost"));
            Assert.NotNull(await client.Receive());
        }

        // More than the server reads in one turn, and more work than it does meanwhile.
        DnsMessage[] queries = [.. Enumerable.Repeat(DnsMessage.Query("localhost"), 80)];
        foreach (TcpConversation client in clients)
            await client.Send(queries);
        server.Stop();

        foreach (TcpConversation client in clients)
            await AssertAnswered(client, queries.Length);
    }

    private static async Task AssertAnswered(TcpConversation client, int count)
    {
        Assert.All(await client.Receive(count), reply => Assert.Equal(0, reply.ResponseCode));
        client.Dispose();
    }

    private static async Task<List<TcpConversation>> Connect(IPEndPoint address, int count)
    {
        List<TcpConversation> clients = [];
        while (clients.Count < count)
            clients.Add(await TcpConversation.Open(address));
        return clients;
    }

    private static TcpServer Server(SharedFlights flights, out IPEndPoint address)
    {
        address = TestAddress.Next();
        return new TcpServer([address], new ListenSockets([]), Context(flights), NullLogger.Instance);
    }

    private static ForwardingContext Context(SharedFlights flights) => new()
    {
        Routes = new RouteSource([], [], NullLogger.Instance),
        Cache = new ResponseCache(1 << 20, TimeSpan.Zero),
        Rules = new PublishedRules(new ServingRules(null, null, new CacheLimits(5, 3600, 1800))),
        InFlight = new ClientsInFlight(1000),
        Flights = flights,
        Sockets = new SocketBudget(4096),
        Cluster = new PublishedNames(),
    };
}
