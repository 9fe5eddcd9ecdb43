using Agent.Configuration;
using Agent.Dns;
using Agent.Forwarding;
using Agent.Native;
using Agent.Serving;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>What a thread counted of a server outlives what the thread has of it, and does not pile up.</summary>
public sealed class UpstreamPoolTests
{
    private static readonly RouteTable _none = new([]);

    [Fact]
    public void What_a_thread_counted_stays_in_the_sum_when_it_lets_go_of_a_server_and_takes_no_more_room()
    {
        Server server = new(TestAddress.Next());
        Route route = new([0], TransportProtocol.Udp, [server]);
        using Poller poller = new();
        UpstreamPool pool = new(poller, new SecureRandom());

        for (int i = 0; i < 10; i++)
        {
            Upstream upstream = pool.Choose(FlightOn(route));
            upstream.Counters.SentUdp += 2;
            upstream.Counters.LatencyOf(ResponseCode.NxDomain).Add(1_000_000, 2);
            upstream.Counters.InFlight = 1;
            pool.Keep(_none);
            Assert.Same(upstream, pool.Choose(FlightOn(route))); // it owes an answer
            upstream.Counters.InFlight = 0;
            pool.Keep(_none);
        }

        Assert.Equal((20, 0), (server.Counters.SentUdp, server.Counters.InFlight));
        (ResponseCode code, LatencyHistogram latency) = Assert.Single(server.Latencies);
        Assert.Equal((ResponseCode.NxDomain, 20), (code, latency.Counts.Sum()));
        Assert.Equal(0.02, latency.Seconds, 6);
    }

    private static Flight FlightOn(Route route)
    {
        byte[] key = new byte[Query.MaxKeyLength];
        Assert.True(Query.TryParse(DnsMessage.Query("www.example.test").ToBytes(), key, out Query query));
        Flight flight = new();
        flight.Begin(query.Key, route, long.MaxValue);
        return flight;
    }
}
