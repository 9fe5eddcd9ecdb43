using Agent.Fuzz.Targets;

namespace Agent.Fuzz;

/// <summary>One property over all inputs.</summary>
/// <param name="Name">As on the command line, and of its corpus file.</param>
/// <param name="Property">One sentence.</param>
/// <param name="Run">
/// Throws when the property does not hold; else returns a number for the kind of way that the input took through the product, by which inputs that
/// do something new are recognised.
/// </param>
public sealed record Target(string Name, string Property, Func<byte[], int> Run)
{
    public static IReadOnlyList<Target> All { get; } =
    [
        new("query", "any bytes from a client: no exception, and silence or one well-formed reply within the bounds", QueryTarget.Run),
        new("response", "any bytes from an upstream: no exception, linear time, and only what answers the question", ResponseTarget.Run),
        new("cache", "an answer from the cache is the upstream's but for TTL, ID, letters and rotation", CacheTarget.Run),
        new("framing", "TCP messages under any split get the replies that each alone would get", FramingTarget.Run),
        new("configuration", "any text: a configuration, or mistakes that each name a line", ConfigurationTarget.Run),
    ];

    /// <summary>Ends what targets have started; to be called when the last has run.</summary>
    public static void Stop() => FramingTarget.Stop();

    /// <summary>Runs one input; what goes wrong comes as <see cref="FuzzFailure"/>.</summary>
    public int Check(byte[] input)
    {
        try
        {
            return Run(input);
        }
        catch (Exception error) when (error is not FuzzFailure)
        {
            throw new FuzzFailure($"{error.GetType().Name}: {error.Message}", error);
        }
    }
}
