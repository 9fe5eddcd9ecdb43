namespace Agent.Forwarding;

/// <summary>
/// Follows a quantile of a stream in a single number (frugal streaming: Ma, Muthukrishnan and Sandler, 2013), with steps that are a share of the
/// estimate, so that it settles as fast for a server at 200 ms as for one at 2 ms. Threads that add at once lose at most a sample.
/// </summary>
/// <param name="quantile">Between 0 and 1.</param>
internal sealed class QuantileEstimate(double quantile)
{
    /// <summary>Samples until the estimate is worth something.</summary>
    public const int WarmUp = 32;

    private const double FirstStep = 0.5;
    private const double Step = 0.1;

    private double _value;
    private int _count;

    /// <summary>At least 1; 0 before the first sample.</summary>
    public double Value => Volatile.Read(ref _value);

    public bool IsWarm => Volatile.Read(ref _count) >= WarmUp;

    /// <summary>Adds a sample; less than 1 counts as 1.</summary>
    public void Add(double sample)
    {
        double value = Value;
        if (_count == 0)
            value = sample;
        double step = IsWarm ? Step : FirstStep;
        // At rest, the samples above push up as much as those below pull down: the shares of both are 1 - quantile and quantile.
        value *= sample > value ? 1 + step * quantile : 1 - step * (1 - quantile);
        Volatile.Write(ref _value, Math.Max(1, value));
        if (_count < WarmUp)
            _count++;
    }
}
