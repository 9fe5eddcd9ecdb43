using Agent.Configuration;
using Agent.Tests.Support;

namespace Agent.Tests.Serving;

public sealed class TcpMemoryTests
{
    /// <summary>
    /// A13, A14: what one client may have queued stands in <c>TcpConnection.PauseAtBytes</c>, 128 KiB; forty of them are 5 MiB. The allowance is
    /// eight times that, and all the replies together are three times the allowance.
    /// </summary>
    [Fact]
    public async Task A13_A14_forty_clients_that_never_read_cost_no_more_than_forty_MiB()
    {
        using ScriptedUpstream upstream = new(exchange => exchange.Answer(RR.Text(exchange.Name, 25_000)));
        using AgentSetup setup = new(upstream.EndPoint);
        using AgentProcess agent = await AgentProcess.Serve(setup, heapMiB: 32); // garbage is collected before that, and does not count
        DnsMessage query = DnsMessage.Query("b.tcp.test", RR.Txt);
        for (int time = 0; time < 20; time++)
            Assert.Single((await Client.Ask(setup.EndPoint, query, TransportProtocol.Tcp)).Answers);
        Assert.Equal(1, upstream.Count); // a hit from now on
        byte[] many = [.. Enumerable.Repeat(UpstreamExchange.Framed(query.ToBytes()), 130).SelectMany(bytes => bytes)];
        long before = agent.AnonymousKiB;

        List<TcpConversation> deaf = [];
        for (int i = 0; i < 40; i++)
        {
            deaf.Add(await TcpConversation.Open(setup.EndPoint, receiveBuffer: 4096));
            await deaf[i].SendRaw(many);
        }

        Assert.Single((await Client.Ask(setup.EndPoint, query, TransportProtocol.Tcp)).Answers); // all before it has been read
        Assert.InRange(agent.AnonymousKiB - before, -before, 40 * 1024);
        deaf.ForEach(client => client.Dispose());
    }
}
