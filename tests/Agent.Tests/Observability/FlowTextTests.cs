using System.Text.Json;
using Agent.Observability.Flows;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

public sealed class FlowTextTests
{
    private static readonly DateTimeOffset _noon = new(new DateTime(2026, 11, 28, 12, 0, 0, 123, DateTimeKind.Local));

    private static readonly Flow _dns = new()
    {
        Time = _noon,
        Source = Flow.Dns,
        Pod = "default/curl-pod",
        Client = "10.244.1.2:35264",
        Name = "kubernetes.default.svc.cluster.local.",
        Type = "A",
        Class = "IN",
        Verdict = "hit",
        Rcode = "NOERROR",
        LatencyMicroseconds = 219.1,
        Protocol = "udp",
        Addresses = ["10.96.0.1"],
        Message = new FlowMessage(32154, 54, 106, "qr,aa,rd", false, 512),
    };

    private static readonly Flow _kernel = new()
    {
        Time = _noon,
        Source = Flow.Kernel,
        Verdict = "fallback",
        Protocol = "udp",
        Frontend = "10.96.0.10:53/UDP",
        Target = "10.244.0.2:53",
        Process = "curl",
        ProcessId = 4711,
        Cgroup = "burstable/pod-curl-pod",
    };

    [Fact]
    public void Compact_lines_are_for_people()
    {
        Assert.Equal(
            "12:00:00.123000  default/curl-pod  kubernetes.default.svc.cluster.local. A  hit  NOERROR  219.1us  udp  10.96.0.1", FlowText.Compact(_dns));
        Assert.Equal(
            "12:00:00.123000  10.244.1.2:35264  ? ?  dropped  silence  1.5ms  tcp",
            FlowText.Compact(_dns with { Pod = null, Name = null, Type = null, Rcode = null, Verdict = "dropped", Protocol = "tcp", Addresses = null, LatencyMicroseconds = 1500 }));
        Assert.Equal(
            "12:00:00.123000  burstable/pod-curl-pod  10.96.0.10:53/UDP -> 10.244.0.2:53  fallback  curl[4711]", FlowText.Compact(_kernel));
        Assert.Equal(
            "12:00:00.123000  default/web  10.96.0.10:53/UDP -> unchanged  untouched  curl[4711]",
            FlowText.Compact(_kernel with { Pod = "default/web", Target = null, Verdict = "untouched" }));
        Assert.Equal(
            "12:00:00.123000  17 flow(s) lost: there were more than could be passed on",
            FlowText.Compact(new Flow { Time = _noon, Source = Flow.LostFlows, Lost = 17 }));
    }

    [Fact]
    public void The_line_of_CoreDNS_has_its_fields_in_its_order()
    {
        Assert.Equal(
            "[INFO] 10.244.1.2:35264 - 32154 \"A IN kubernetes.default.svc.cluster.local. udp 54 false 512\" NOERROR qr,aa,rd 106 0.0002191s", FlowText.CoreDns(_dns));
        Assert.Equal(
            "[INFO] [fd00::2]:53 - 0 \"- - . tcp 1 true 65535\" - - 0 0s",
            FlowText.CoreDns(new Flow
            {
                Time = _noon,
                Source = Flow.Dns,
                Client = "[fd00::2]:53",
                Protocol = "tcp",
                LatencyMicroseconds = 0,
                Message = new FlowMessage(0, 1, 0, null, true, 65535),
            }));
        Assert.Null(FlowText.CoreDns(_kernel));
        Assert.Equal("[WARNING] 17 flow(s) lost: there were more than could be passed on", FlowText.CoreDns(new Flow { Time = _noon, Source = Flow.LostFlows, Lost = 17 }));
    }

    [Fact]
    public void JSON_has_what_applies_and_nothing_else()
    {
        string json = JsonSerializer.Serialize(_kernel with { Time = DateTimeOffset.UnixEpoch }, FlowJson.Default.Flow);

        Assert.Equal(
            """{"time":"1970-01-01T00:00:00+00:00","source":"kernel","verdict":"fallback","protocol":"udp","frontend":"10.96.0.10:53/UDP","target":"10.244.0.2:53","process":"curl","processId":4711,"cgroup":"burstable/pod-curl-pod"}""",
            json);
        Assert.Equal(
            "2026-11-28T", JsonSerializer.Serialize(_dns, FlowJson.Default.Flow)[9..20]);
    }

    [Theory]
    [InlineData("\x1b[2J", @"\027[2J")]
    [InlineData("a\nb", @"a\010b")]
    [InlineData("q\"\\", @"q\034\092")]
    [InlineData("ü", @"\195\188")]
    [InlineData("kworker/0:1", "kworker/0:1")]
    public void A19_what_a_process_calls_itself_is_escaped(string name, string escaped) => Assert.Equal(escaped, FlowText.Escape(name));

    [Fact]
    public async Task A19_a_hostile_name_takes_hold_of_no_terminal_and_ends_no_line()
    {
        using ScriptedUpstream upstream = ScriptedUpstream.Answering("192.0.2.1");
        using AgentUnderTest agent = AgentUnderTest.Forwarding(upstream);
        using FlowWatcher watcher = agent.Flows.TryWatch(FlowFilter.All, out _)!;
        byte[] label = [0x1b, (byte)'[', (byte)'2', (byte)'J', (byte)'\r', (byte)'\n', (byte)'"', (byte)'.', (byte)'\\', 0, 0x9b, 0xff, (byte)'[', (byte)']', 0x7f];

        await Client.ExchangeUdp(
            agent.EndPoint, [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, (byte)label.Length, .. label, 9, .. "localhost"u8, 0, 0, 1, 0, 1], Wait.Long);

        using CancellationTokenSource timeout = new(Wait.Long);
        Flow flow = await watcher.Flows.ReadAsync(timeout.Token);
        Assert.Equal(@"\027[2j\013\010\""\.\\\000\155\255[]\127.localhost.", flow.Name);
        foreach (string line in (string[])[FlowText.Compact(flow), FlowText.CoreDns(flow)!, JsonSerializer.Serialize(flow, FlowJson.Default.Flow)])
            Assert.All(line, c => Assert.InRange(c, ' ', '~'));
    }
}
