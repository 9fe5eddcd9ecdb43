using Agent.Configuration;
using Xunit.Abstractions;

namespace Agent.Tests.Cluster.Differential;

/// <summary>What two servers said to the same questions: how much is the same, and why what is not.</summary>
internal sealed class Comparison
{
    private readonly Dictionary<string, int> _explained = [];
    private readonly List<string> _unexplained = [];
    private readonly int _same;

    public Comparison(IReadOnlyCollection<Pair> pairs, ClusterNamesMode mode)
    {
        Questions = pairs.Count;
        FromTable = pairs.Count(pair => pair.Ours.IsAuthoritative);
        DifferentAnswers = pairs.Select(pair => pair.Theirs).Distinct().Count();
        foreach (Pair pair in pairs.OrderBy(pair => pair.Name, StringComparer.Ordinal).ThenBy(pair => pair.Type))
        {
            if (pair.Theirs == pair.Ours)
                _same++;
            else if (KnownDifference.Find(pair, mode) is { } reason)
                _explained[reason] = _explained.GetValueOrDefault(reason) + 1;
            else
                _unexplained.Add($"{pair.Name} {pair.Type}\n  CoreDNS  {pair.Theirs}\n  agent    {pair.Ours}");
        }
    }

    public int Questions { get; }

    /// <summary>Questions that the agent answered from its table.</summary>
    public int FromTable { get; }

    public int DifferentAnswers { get; }

    public bool IsExplained => _unexplained.Count == 0;

    public void Write(ITestOutputHelper output)
    {
        output.WriteLine($"{Questions} questions, {FromTable} answered from the table, {DifferentAnswers} different answers: {_same} the same, {_unexplained.Count} unexplained");
        foreach ((string reason, int count) in _explained.OrderByDescending(pair => pair.Value))
            output.WriteLine($"{count,6} {reason}");
    }

    public void AssertAllExplained() => Assert.True(IsExplained, $"{_unexplained.Count} unexplained differences, such as\n{string.Join('\n', _unexplained.Take(40))}");

    /// <summary>One question and both answers.</summary>
    internal sealed record Pair(string Name, ushort Type, AnswerText Theirs, AnswerText Ours);
}
