using System.Net;
using Agent.Cluster;
using Agent.Kubernetes;
using Agent.Native;
using Agent.Observability.Metrics;
using Agent.Serving;

namespace Agent.Tests.Observability;

/// <summary>The counters that the serving threads keep.</summary>
public sealed class CountingTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(15_625, 0)]
    [InlineData(15_626, 1)]
    [InlineData(31_250, 1)]
    [InlineData(250_000, 4)]
    [InlineData(250_001, 5)]
    [InlineData(8_192_000_000, 19)]
    [InlineData(8_192_000_001, 20)]
    [InlineData(3_600_000_000_000, 20)]
    public void A_time_counts_under_the_first_bound_that_is_not_below_it(long nanoseconds, int bound)
    {
        LatencyHistogram histogram = new();

        histogram.Add(nanoseconds, times: 3);

        Assert.Equal(Enumerable.Range(0, 21).Select(index => index == bound ? 3L : 0), histogram.Counts);
        Assert.Equal(3 * nanoseconds * 1e-9, histogram.Seconds, 6);
        Assert.True(bound == 20 || nanoseconds <= LatencyHistogram.Bound(bound) * 1_000_000_000);
        Assert.True(bound == 0 || nanoseconds > LatencyHistogram.Bound(bound - 1) * 1_000_000_000);
    }

    [Fact]
    public void From_250_microseconds_on_the_bounds_are_those_of_CoreDNS() =>
        Assert.Equal(
            Enumerable.Range(0, 16).Select(power => 0.00025m * (1 << power)),
            Enumerable.Range(LatencyHistogram.FirstOfCoreDns, 16).Select(LatencyHistogram.Bound));

    [Fact]
    public void Namespaces_past_the_bound_count_as_other_and_no_name_stands_twice()
    {
        NamespaceSlots slots = new();
        int[] taken = [.. Enumerable.Range(0, 300).Select(i => slots.Take($"n{i}"))];

        Assert.Equal(NamespaceSlots.Count, slots.Names.Count);
        Assert.Equal(100, taken.Count(slot => slot > NamespaceSlots.Other));
        Assert.All(taken[100..], slot => Assert.Equal(NamespaceSlots.Other, slot));
        Assert.Equal(taken[7], slots.Take("n7"));
        Assert.Equal(NamespaceSlots.Other, slots.Take("other")); // a namespace may have that name
        Assert.Equal(NamespaceSlots.Unknown, slots.Take("unknown"));
        Assert.Distinct(slots.Names);
    }

    [Fact]
    public void A_thousand_clients_of_many_namespaces_are_counted_each_where_it_belongs_and_nothing_is_allocated()
    {
        NamespaceSlots slots = new();
        Pod[] pods = [.. Enumerable.Range(0, 1000).Select(PodOf)];
        NamespaceCounter counter = new();
        SockAddr[] clients = [.. pods.Select(pod => SockAddr.From(new IPEndPoint(pod.Addresses[0], 40_000))), SockAddr.From(IPEndPoint.Parse("192.0.2.9:1"))];
        counter.Count(clients[0]); // before anything is known, nothing is counted
        counter.Know(new ClientNamespaces(new NodePods(pods), slots));
        Array.ForEach(clients, client => counter.Count(client));

        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (ref SockAddr client in clients.AsSpan())
            counter.Count(client);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        Assert.Equal(2 * 1000 / 20, counter[slots.Take("team-3")]);
        Assert.Equal(2, counter[NamespaceSlots.Unknown]);
        Assert.Equal(2 * clients.Length, Enumerable.Range(0, NamespaceSlots.Count).Sum(slot => counter[slot]));

        static Pod PodOf(int index) => new()
        {
            Key = new ObjectKey($"team-{index % 20}", $"pod-{index}"),
            Addresses = [IPAddress.Parse(index % 2 == 0 ? $"10.244.{index / 250}.{index % 250}" : $"fd00::{index:x}")],
        };
    }

    [Fact]
    public void Label_values_are_escaped_and_their_number_is_held_against_the_family()
    {
        MetricFamily hostile = new(MetricKind.Gauge, "x", "X", (_, samples) => samples.Add(1, "a\"b\\c\nd}")) { Labels = ["l"] };
        MetricFamily wrong = new(MetricKind.Gauge, "x", "X", (_, samples) => samples.Add(1, "a", "b")) { Labels = ["l"] };

        Assert.EndsWith("x{l=\"a\\\"b\\\\c\\nd}\"} 1\n", SampleWriter.Write([hostile], null!, isOpenMetrics: false), StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => SampleWriter.Write([wrong], null!, isOpenMetrics: false));
    }
}
