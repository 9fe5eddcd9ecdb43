using System.Net;
using Agent.Forwarding;

namespace Agent.Tests.Forwarding;

/// <summary>What is learned of a server, under virtual time.</summary>
public sealed class ServerHealthTests
{
    private readonly Server _server = new(new IPEndPoint(IPAddress.Loopback, 53));

    [Fact]
    public void Two_failures_in_a_row_and_no_fewer_make_it_avoided()
    {
        _server.Failed(1_000);
        _server.Succeeded();
        _server.Failed(2_000);
        Assert.False(_server.IsAvoided);

        _server.Failed(2_001);

        Assert.True(_server.IsAvoided);
    }

    [Fact]
    public void It_stays_avoided_until_a_probe_or_a_client_is_answered()
    {
        Avoid(1_000);
        Assert.False(_server.TryBeginProbe(1_700));
        Assert.True(_server.TryBeginProbe(2_000));
        Assert.True(_server.IsAvoided);

        _server.Succeeded();

        Assert.False(_server.IsAvoided);
    }

    [Fact]
    public void Each_probe_is_for_one_thread()
    {
        Avoid(1_000);
        int taken = 0;
        Parallel.For(0, 64, _ => Interlocked.Add(ref taken, _server.TryBeginProbe(2_000) ? 1 : 0));

        Assert.Equal(1, taken);
    }

    [Fact]
    public void The_time_between_probes_doubles_from_a_second_to_thirty_with_a_quarter_of_jitter()
    {
        long now = 1_000;
        Avoid(now);
        foreach (int expected in (int[])[1, 2, 4, 8, 16, 30, 30])
        {
            long wait = UntilProbe(_server, now);
            Assert.InRange(wait, 750 * expected, 1_000 * expected);
            now += wait;
            _server.ProbeFailed(now);
        }
    }

    [Fact]
    public void A_thousand_questions_that_it_leaves_at_once_count_as_one_silence()
    {
        for (int i = 0; i < 1_000; i++)
            _server.Failed(1_000);

        Assert.True(_server.TryBeginProbe(2_000));
    }

    [Fact]
    public void Nodes_whose_server_fails_at_once_do_not_probe_at_once()
    {
        HashSet<long> times = [];
        for (int node = 0; node < 100; node++)
        {
            Server server = new(new IPEndPoint(IPAddress.Loopback, 53));
            server.Failed(0);
            server.Failed(0);
            times.Add(UntilProbe(server, 0));
        }

        Assert.True(times.Count > 30, $"{times.Count} times for 100 nodes");
    }

    [Fact]
    public void Patience_is_400_ms_until_its_answers_are_known_and_then_from_20_to_400()
    {
        Assert.Equal(400, _server.Patience);
        Observe(QuantileEstimate.WarmUp, 60);
        Assert.InRange(_server.Patience, 50, 90);
        Observe(2_000, 1);
        Assert.Equal(20, _server.Patience);
        Observe(2_000, 3_000);
        Assert.Equal(400, _server.Patience);
    }

    [Fact]
    public void An_answer_that_is_not_waited_for_counts_as_the_time_that_it_did_not_come()
    {
        Observe(100, 10);
        Assert.False(_server.TryObserveAtLeast(5));
        double before = _server.SmoothedTime;

        Assert.True(_server.TryObserveAtLeast(400));

        Assert.True(_server.SmoothedTime > before);
    }

    [Fact]
    public void At_most_one_in_ten_sends_is_a_hedge_and_at_most_ten_in_a_row()
    {
        int hedges = 0;
        for (int i = 0; i < 1_000; i++)
        {
            _server.NoteSend();
            hedges += _server.TryTakeHedge() ? 1 : 0;
        }

        Assert.Equal(100, hedges);
        for (int i = 0; i < 1_000; i++)
            _server.NoteSend();
        Assert.Equal(10, Enumerable.Range(0, 100).Count(_ => _server.TryTakeHedge()));
    }

    private static long UntilProbe(Server server, long now)
    {
        int wait = Enumerable.Range(1, 100_000).FirstOrDefault(wait => server.TryBeginProbe(now + wait));
        Assert.NotEqual(0, wait);
        return wait;
    }

    private void Avoid(long now)
    {
        _server.Failed(now);
        _server.Failed(now);
        Assert.True(_server.IsAvoided);
    }

    private void Observe(int count, long time)
    {
        for (int i = 0; i < count; i++)
            _server.Observe(time);
    }
}
