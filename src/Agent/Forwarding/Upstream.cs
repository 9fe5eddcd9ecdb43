namespace Agent.Forwarding;

/// <summary>What one serving thread knows of one server: whether it answers, and the connection to it.</summary>
internal sealed class Upstream(Server server)
{
    private const int FailuresToAvoid = 2;
    private const long FirstAvoidance = 1_000; // milliseconds, doubled with each further failure
    private const long LongestAvoidance = 30_000;

    private int _failures;
    private long _avoidUntil;

    public Server Server => server;

    public TcpUpstream? Connection { get; set; }

    /// <summary>Whether others should be asked first.</summary>
    public bool IsAvoided(long now) => now < _avoidUntil;

    public void Succeeded()
    {
        _failures = 0;
        _avoidUntil = 0;
    }

    /// <summary>It did not answer in time, refused, or broke the connection.</summary>
    public void Failed(long now)
    {
        if (++_failures >= FailuresToAvoid)
            _avoidUntil = now + Math.Min(LongestAvoidance, FirstAvoidance << Math.Min(_failures - FailuresToAvoid, 10));
    }
}
