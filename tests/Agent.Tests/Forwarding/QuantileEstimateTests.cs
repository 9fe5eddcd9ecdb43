using Agent.Forwarding;

namespace Agent.Tests.Forwarding;

public sealed class QuantileEstimateTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(20)]
    [InlineData(300)]
    public void It_settles_near_the_quantile_whatever_the_scale(double mean)
    {
        QuantileEstimate estimate = new(0.95);
        Feed(estimate, 2_000, random => Exponential(random, mean));

        // The 95th percentile of an exponential distribution is 3.0 times its mean.
        Assert.InRange(AverageWhile(estimate, 2_000, random => Exponential(random, mean)), 2.4 * mean, 3.8 * mean);
    }

    [Fact]
    public void A_server_that_becomes_slow_is_believed_within_a_few_dozen_answers_and_one_that_recovers_within_hundreds()
    {
        QuantileEstimate estimate = new(0.95);
        Feed(estimate, 1_000, _ => 5);
        Assert.InRange(estimate.Value, 4, 6);

        Feed(estimate, 50, _ => 100);
        Assert.InRange(estimate.Value, 90, 120);

        Feed(estimate, 900, _ => 5);
        Assert.InRange(estimate.Value, 4, 6);
    }

    [Fact]
    public void One_sample_of_twenty_may_be_slow_without_moving_it_there()
    {
        QuantileEstimate estimate = new(0.95);
        Feed(estimate, 2_000, random => random.NextDouble() < 0.03 ? 1_000 : 10);

        Assert.InRange(estimate.Value, 9, 20);
    }

    [Fact]
    public void It_is_warm_after_a_few_dozen_samples_and_never_below_one()
    {
        QuantileEstimate estimate = new(0.95);
        Feed(estimate, QuantileEstimate.WarmUp - 1, _ => 0);
        Assert.False(estimate.IsWarm);

        Feed(estimate, 1, _ => 0);

        Assert.Equal((true, 1), (estimate.IsWarm, estimate.Value));
    }

    private static double Exponential(Random random, double mean) => -mean * Math.Log(1 - random.NextDouble());

    private static void Feed(QuantileEstimate estimate, int count, Func<Random, double> sample) => AverageWhile(estimate, count, sample);

    private static double AverageWhile(QuantileEstimate estimate, int count, Func<Random, double> sample)
    {
        Random random = new(7);
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            estimate.Add(sample(random));
            sum += estimate.Value;
        }

        return sum / count;
    }
}
