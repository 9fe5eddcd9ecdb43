using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Agent.Fuzz;

/// <summary>
/// One target under fire. Half of the inputs are FsCheck's, half are changed copies of inputs that did something new: took a branch that none had
/// taken, or a way that the target tells apart. FsCheck shrinks what fails.
/// </summary>
internal sealed class Campaign
{
    private const int MaxPool = 4_000;
    private const int LongestFresh = 300; // bytes

    private readonly Target _target;
    private readonly ulong _seed;
    private readonly List<byte[]> _pool;
    private readonly HashSet<int> _ways = [];
    private readonly Coverage _coverage = new();
    private readonly Arbitrary<byte[]> _inputs;
    private byte[]? _smallestFailure;
    private ulong _batches;

    public Campaign(Target target, ulong seed)
    {
        _target = target;
        _seed = seed;
        _pool = [.. Corpus.Read(target)];
        if (_pool.Count == 0)
            _pool.Add([]);
        Gen<byte[]> fresh = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf();
        Gen<byte[]> changed = Gen.Choose(0, int.MaxValue).Select(choice => Change(new Random(choice)));
        Func<byte[], IEnumerable<byte[]>> shrink = ArbMap.Default.ArbFor<byte[]>().Shrinker;
        _inputs = Arb.From(Gen.OneOf(fresh, changed), shrink);
    }

    public Target Target => _target;

    public long Iterations { get; private set; }

    /// <summary>Ways seen in all.</summary>
    public int Ways => _ways.Count;

    /// <summary>See <see cref="Coverage.Branches"/>; 0 where nothing is instrumented.</summary>
    public int Branches => _coverage.Branches;

    /// <summary>Inputs that took a branch or a way that was new, in the order they were found.</summary>
    public List<byte[]> Found { get; } = [];

    /// <summary>Tries some inputs.</summary>
    /// <returns>Null, or the smallest input that fails.</returns>
    public (byte[] Input, FuzzFailure Failure)? Run(int count)
    {
        if (_batches == 0 && ReplayCorpus() is { } known)
            return known;
        Replay replay = new(new Rnd(_seed + _batches++), FSharpOption<int>.None);
        Config config = Config.QuickThrowOnFailure.WithMaxTest(count).WithEndSize(LongestFresh).WithQuietOnSuccess(true).WithReplay(replay);
        try
        {
            Prop.ForAll(_inputs, Try).Check(config);
            return null;
        }
        catch (Exception) when (_smallestFailure is { } input)
        {
            return (input, FailureOf(input));
        }
    }

    private (byte[] Input, FuzzFailure Failure)? ReplayCorpus()
    {
        foreach (byte[] input in _pool)
        {
            try
            {
                IsNew(input);
            }
            catch (FuzzFailure failure)
            {
                return (input, failure);
            }
        }

        return null;
    }

    private void Try(byte[] input)
    {
        Iterations++;
        bool isNew;
        try
        {
            isNew = IsNew(input);
        }
        catch (FuzzFailure)
        {
            _smallestFailure = input; // FsCheck goes on from it with smaller ones, so the last that fails is the smallest
            throw;
        }

        if (isNew && _pool.Count < MaxPool)
        {
            _pool.Add(input);
            Found.Add(input);
        }
    }

    private bool IsNew(byte[] input)
    {
        Coverage.Begin();
        int way = _target.Check(input);
        return _coverage.TakesNew() | _ways.Add(way);
    }

    private byte[] Change(Random random)
    {
        List<byte> input = [.. _pool[random.Next(_pool.Count)]];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            int at = random.Next(input.Count + 1);
            int length = Math.Min(random.Next(1, 9), input.Count - at);
            switch (random.Next(5))
            {
                case 0:
                    input.RemoveRange(at, length);
                    break;
                case 1:
                    input.Insert(at, (byte)random.Next(256));
                    break;
                case 2:
                    input.InsertRange(at, input.GetRange(at, length));
                    break;
                case 3:
                    byte[] other = _pool[random.Next(_pool.Count)];
                    input.RemoveRange(at, input.Count - at);
                    input.AddRange(other.AsSpan(Math.Min(at, other.Length)));
                    break;
                case var _ when at < input.Count:
                    input[at] = random.Next(3) == 0 ? (byte)(input[at] ^ (1 << random.Next(8))) : (byte)random.Next(256);
                    break;
            }
        }

        return [.. input];
    }

    private FuzzFailure FailureOf(byte[] input)
    {
        try
        {
            _target.Check(input);
            return new FuzzFailure("fails now and then: run it again with the input below");
        }
        catch (FuzzFailure failure)
        {
            return failure;
        }
    }
}
