namespace Agent.Soak;

/// <summary>The agent's memory over one life of its process.</summary>
internal sealed class MemoryTrend
{
    private const int FewestSamples = 60; // seconds; before, the heap still finds its size

    private readonly List<long> _samples = [];
    private int _process;

    public long LastKiB => _samples.Count > 0 ? _samples[^1] : 0;

    public int Samples => _samples.Count;

    /// <summary>KiB that the second half of the life has more than the quarter before it.</summary>
    public long Growth => Median(_samples.Count / 2, _samples.Count) - Median(_samples.Count / 4, _samples.Count / 2);

    public long Settled => Median(_samples.Count / 4, _samples.Count / 2);

    public bool CanBeJudged => _samples.Count >= FewestSamples;

    /// <summary>Flat: no more than a tenth and 1 MiB above where it settled.</summary>
    public bool IsFlat => Growth <= Settled / 10 + 1024;

    public void Add(int process, long kib)
    {
        if (process != _process)
            _samples.Clear();
        _process = process;
        _samples.Add(kib);
    }

    private long Median(int from, int to) => from < to ? _samples[from..to].Order().ElementAt((to - from) / 2) : 0;
}
