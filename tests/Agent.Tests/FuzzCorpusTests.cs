using Agent.Fuzz;

namespace Agent.Tests;

/// <summary>The inputs that <c>make fuzz</c> once found worth keeping, through the same properties.</summary>
public sealed class FuzzCorpusTests : IDisposable
{
    public static TheoryData<string> Names() => [.. Target.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_kept_inputs_of_the_fuzzer_hold(string name)
    {
        Target target = Target.All.Single(target => target.Name == name);
        IReadOnlyList<byte[]> inputs = Corpus.Read(target);
        Assert.NotEmpty(inputs);
        foreach (byte[] input in inputs)
        {
            Exception? failure = Record.Exception(() => target.Check(input));
            Assert.True(failure == null, $"make fuzz TARGET={name} INPUT={Convert.ToHexString(input)}: {failure?.Message}");
        }
    }

    public void Dispose() => Target.Stop();
}
