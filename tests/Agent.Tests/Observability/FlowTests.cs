using Agent.Configuration;
using Agent.Dns;
using Agent.Native;
using Agent.Observability.Flows;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>What becomes a flow, and what becomes of flows, in an agent that answers over real sockets.</summary>
public sealed class FlowTests : IDisposable
{
    private readonly ScriptedUpstream _upstream = new(exchange => exchange.Name.StartsWith("gone", StringComparison.Ordinal)
        ? exchange.Send(exchange.Query.Reply(3) with { Authority = [RR.Authority("example.test", ttl: 60, minimum: 60)] })
        : exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", 300), RR.AddressRecord(exchange.Name, "192.0.2.2", 300)));

    private readonly AgentUnderTest _agent;

    public FlowTests() => _agent = AgentUnderTest.Forwarding(_upstream);

    public void Dispose()
    {
        _agent.Dispose();
        _upstream.Dispose();
    }

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tcp)]
    public async Task Each_answer_is_a_flow_with_what_became_of_it(TransportProtocol protocol)
    {
        using FlowWatcher watcher = Watch();

        await _agent.Ask("WWW.example.test", RR.A, protocol);
        await _agent.Ask("www.example.test", RR.A, protocol);
        await _agent.Ask("gone.example.test", RR.Aaaa, protocol);
        await _agent.Ask("localhost", RR.Txt, protocol);
        await _agent.Ask(DnsMessage.Query("www.example.test") with { Flags = 0 }, protocol);

        Flow[] flows = await Read(watcher, 5);
        Assert.Equal(
            [
                ("www.example.test.", "A", "miss", "NOERROR"), ("www.example.test.", "A", "hit", "NOERROR"), ("gone.example.test.", "AAAA", "miss", "NXDOMAIN"),
                ("localhost.", "TXT", "local", "NOERROR"), ("www.example.test.", "A", "refused", "REFUSED"),
            ],
            flows.Select(flow => (flow.Name!, flow.Type!, flow.Verdict!, flow.Rcode!)));
        Assert.All(flows, flow => Assert.Equal((Flow.Dns, protocol.ToString().ToLowerInvariant()), (flow.Source, flow.Protocol)));
        Assert.All(flows, flow => Assert.StartsWith("127.", flow.Client, StringComparison.Ordinal));
        Assert.All(flows, flow => Assert.InRange(flow.LatencyMicroseconds!.Value, 0.1, 15_000_000));
        Assert.All(flows, flow => Assert.InRange(flow.Time, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddSeconds(1)));
        Assert.All(flows[..2], flow => Assert.Equal(["192.0.2.1", "192.0.2.2"], flow.Addresses!.Order())); // rotated
        Assert.Null(flows[2].Addresses);
        Assert.Equal("qr,rd,ra", flows[0].Message!.Flags);
    }

    [Fact]
    public async Task A_stale_answer_and_a_failure_say_so()
    {
        using ScriptedUpstream broken = new(exchange => exchange.Fail(2));
        using AgentUnderTest agent = AgentUnderTest.Forwarding(broken);
        using FlowWatcher watcher = agent.Flows.TryWatch(FlowFilter.All, out _)!;

        await agent.Ask("www.example.test");

        Flow flow = Assert.Single(await Read(watcher, 1));
        Assert.Equal(("failed", "SERVFAIL"), (flow.Verdict, flow.Rcode));
    }

    [Fact]
    public async Task What_gets_no_reply_is_a_flow_without_a_code()
    {
        using FlowWatcher watcher = Watch();

        await Client.ExchangeUdp(_agent.EndPoint, [0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0], TimeSpan.FromMilliseconds(50));
        await Client.ExchangeUdp(_agent.EndPoint, [1], TimeSpan.FromMilliseconds(50));

        Assert.All(await Read(watcher, 2), flow => Assert.Equal(("dropped", null, null), (flow.Verdict, flow.Rcode, flow.Name)));
    }

    [Fact]
    public async Task Nothing_is_noted_until_somebody_watches_and_for_a_while_afterwards()
    {
        _agent.Flows.Afterwards = TimeSpan.FromSeconds(1);
        await _agent.Ask("before.example.test");
        Assert.False(_agent.Flows.IsNoting);

        using (FlowWatcher first = Watch())
        {
            await _agent.Ask("while.example.test");
            await Read(first, 1);
        }

        using (FlowWatcher? second = _agent.Flows.TryWatch(FlowFilter.All, out IReadOnlyList<Flow> kept))
            Assert.Equal("while.example.test.", Assert.Single(kept).Name);
        await Wait.Until(() => !_agent.Flows.IsNoting, "noting ends");
        using FlowWatcher? third = _agent.Flows.TryWatch(FlowFilter.All, out IReadOnlyList<Flow> forgotten);
        Assert.Empty(forgotten);
    }

    [Fact]
    public async Task A_reader_that_is_slow_loses_flows_and_is_told_how_many()
    {
        using FlowWatcher slow = Watch();
        const int Asked = FlowWatcher.Capacity + 1000;
        using (TcpConversation client = await _agent.Connect())
        {
            for (int done = 0; done < Asked; done += 49)
            {
                int count = Math.Min(49, Asked - done);
                await client.Send([.. Enumerable.Repeat(DnsMessage.Query("localhost"), count)]);
                await client.Receive(count);
            }
        }

        await _agent.Ask("last.example.test");
        await Wait.Until(() => Kept().Any(flow => flow.Name == "last.example.test."), "all flows are brought to who watches");
        long seen = 0;
        long lost = 0;
        while (seen + lost < Asked + 1)
        {
            Flow flow = Assert.Single(await Read(slow, 1));
            seen += flow.Source == Flow.Dns ? 1 : 0;
            lost += flow.Lost ?? 0;
        }

        Assert.Equal(Asked + 1, seen + lost);
        Assert.InRange(lost, Asked + 1 - FlowWatcher.Capacity, Asked);
        await _agent.Ask("after.example.test");
        Assert.Equal("after.example.test.", Assert.Single(await Read(slow, 1)).Name);
    }

    [Fact]
    public void A_ring_that_nobody_reads_keeps_the_oldest_counts_the_others_and_costs_no_allocation()
    {
        using FlowRing ring = new(isTcp: false, FlowRing.MostCapacity);
        byte[] message = DnsMessage.Query("www.example.test").ToBytes();
        byte[] key = new byte[Query.MaxKeyLength];
        Assert.True(Query.TryParse(message, key, out Query query));
        SockAddr client = SockAddr.From(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 1234));
        ring.Write(query, Verdict.Hit, message, client, 1);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i < ring.Capacity + 100; i++)
            ring.Write(query, Verdict.Hit, message, client, 1);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        Assert.Equal(100, ring.Lost);
        int read = 0;
        ring.Read((in FlowSlot slot) => read += slot.Kept == message.Length && !slot.IsTcp ? 1 : 0);
        Assert.Equal(ring.Capacity, read);
        ring.Write(query, Verdict.Hit, message, client, 1);
        ring.Read((in FlowSlot slot) => read++);
        Assert.Equal((ring.Capacity + 1, 100L), (read, ring.Lost));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(65)]
    [InlineData(128)]
    [InlineData(1000)]
    [InlineData(20_000)]
    public void A24_all_rings_together_are_16_MiB_at_the_most_however_many_threads_serve(int threads)
    {
        int capacity = FlowRing.CapacityFor(threads);

        Assert.True(capacity is >= 1 and <= 4096 && System.Numerics.BitOperations.IsPow2(capacity), $"{capacity}");
        using FlowRing ring = new(isTcp: true, capacity);
        Assert.Equal(capacity, ring.Capacity);
        Assert.InRange((long)threads * capacity * System.Runtime.CompilerServices.Unsafe.SizeOf<FlowSlot>(), 1, 16 << 20);
        Assert.True(threads > 128 || capacity >= 256, $"{capacity}"); // 12,800 a second between readings 20 ms apart
    }

    [Theory]
    [InlineData("verdict", "denied", false, false)]
    [InlineData("rcode", "SERVFAIL", false, false)]
    [InlineData("rcode", "NOERROR", true, false)]
    [InlineData("source", "kernel", false, false)]
    [InlineData("verdict", "hit", false, true)]
    [InlineData("rcode", "NOERROR", false, true)]
    [InlineData("verdict", "denied", true, true)]
    public void A24_verdict_and_code_are_judged_before_an_answer_becomes_a_flow(string key, string value, bool isNegated, bool isWanted)
    {
        FlowFilter filter = FlowFilter.Parse(name => name == key ? [value] : name == "not" && isNegated ? ["true"] : []);
        using FlowRing ring = new(isTcp: false, 256);
        byte[] message = DnsMessage.Query("www.example.test").ToBytes();
        Assert.True(Query.TryParse(message, new byte[Query.MaxKeyLength], out Query query));
        for (int i = 0; i < 100; i++)
            ring.Write(query, Verdict.Hit, message, SockAddr.From(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 1234)), 1);
        int wanted = 0;
        ring.Read((in FlowSlot slot) => Assert.Equal(isWanted, filter.Matches(new FlowReader().Read(slot, null))));
        for (int i = 0; i < 100; i++)
            ring.Write(query, Verdict.Hit, message, SockAddr.From(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 1234)), 1);
        FlowVisitor visit = (in FlowSlot slot) => wanted += filter.MayMatch(slot) ? 1 : 0;

        long before = GC.GetAllocatedBytesForCurrentThread();
        ring.Read(visit);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(isWanted ? 100 : 0, wanted);
        Assert.InRange(allocated, 0, 50 * 100); // a Flow with its texts is more than 500 bytes
    }

    [Fact]
    public async Task What_one_watcher_does_not_want_is_kept_for_others()
    {
        using FlowWatcher denied = _agent.Flows.TryWatch(FlowFilter.All with { Verdicts = ["denied"] }, out _)!;

        await _agent.Ask("www.example.test");
        await _agent.Ask("gone.example.test");

        await Wait.Until(() => Kept().Count == 2, "both are kept");
        Assert.Equal(["www.example.test.", "gone.example.test."], Kept().Select(flow => flow.Name));
        Assert.False(denied.Flows.TryRead(out _));
    }

    [Fact]
    public void A24_watchers_are_bounded()
    {
        List<FlowWatcher> all = [.. Enumerable.Range(0, FlowHub.MaxWatchers).Select(_ => Watch())];

        Assert.Null(_agent.Flows.TryWatch(FlowFilter.All, out _));
        all[0].Dispose();
        all[0] = Watch();
        all.ForEach(watcher => watcher.Dispose());
    }

    private IReadOnlyList<Flow> Kept()
    {
        using FlowWatcher? watcher = _agent.Flows.TryWatch(FlowFilter.All, out IReadOnlyList<Flow> kept);
        return kept;
    }

    private FlowWatcher Watch() => _agent.Flows.TryWatch(FlowFilter.All, out _)!;

    private static async Task<Flow[]> Read(FlowWatcher watcher, int count)
    {
        using CancellationTokenSource timeout = new(Wait.Long);
        List<Flow> flows = [];
        while (flows.Count < count)
            flows.Add(await watcher.Flows.ReadAsync(timeout.Token));
        return [.. flows];
    }
}
