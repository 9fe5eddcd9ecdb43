using System.Collections.Concurrent;
using System.Diagnostics;
using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Tests.Cluster.Differential;

/// <summary>
/// The agent's answers against those of a real CoreDNS that watches the same API server. Where the two may differ, <see cref="KnownDifference"/>
/// has a rule that says why.
/// </summary>
public sealed class CoreDnsTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Names = 1_500;
    private const int Rounds = 8;
    private const int ChangesPerRound = 25;
    private const int NamesPerRound = 60;

    private static readonly ushort[] _types = [RR.A, RR.Aaaa, RR.Srv, RR.Txt, RR.Ptr, RR.Cname, RR.Ns, RR.Soa, RR.Https, RR.Any];

    private ApiServer _server = null!;

    public async Task InitializeAsync() => _server = await ApiServer.Start();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [CoreDnsTheory]
    [InlineData(PodNames.Insecure, ClusterNamesMode.Table)]
    [InlineData(PodNames.Insecure, ClusterNamesMode.Authoritative)]
    [InlineData(PodNames.Verified, ClusterNamesMode.Table)]
    [InlineData(PodNames.Verified, ClusterNamesMode.Authoritative)]
    [InlineData(PodNames.Disabled, ClusterNamesMode.Table)]
    public async Task P43_generated_names_are_answered_as_by_a_real_CoreDNS_at_the_same_API_server(PodNames pods, ClusterNamesMode mode)
    {
        GeneratedCluster cluster = new(_server, new Random(43));
        cluster.Fill();
        using SideBySide both = await SideBySide.Start(_server, pods, mode);

        Comparison comparison = await Compare(both, cluster.Names(Names), mode);

        comparison.Write(output);
        comparison.AssertAllExplained();
        Assert.InRange(comparison.DifferentAnswers, 300, int.MaxValue); // the names hit
        Assert.InRange(comparison.FromTable, comparison.Questions / 12, int.MaxValue); // and are not forwarded to that same CoreDNS
    }

    [CoreDnsTheory]
    [InlineData(PodNames.Insecure, ClusterNamesMode.Table)]
    [InlineData(PodNames.Verified, ClusterNamesMode.Table)]
    public async Task P38_after_Services_endpoints_pods_and_namespaces_came_and_went_both_come_to_say_the_same_whatever_was_cached(PodNames pods, ClusterNamesMode mode)
    {
        GeneratedCluster cluster = new(_server, new Random(38));
        cluster.Fill();
        using SideBySide both = await SideBySide.Start(_server, pods, mode);
        for (int round = 0; round < Rounds; round++)
        {
            HashSet<string> names = cluster.Names(NamesPerRound);
            await Compare(both, names, mode);
            for (int i = 0; i < ChangesPerRound; i++)
                cluster.Change();
            names.UnionWith(cluster.Names(NamesPerRound));

            long start = Stopwatch.GetTimestamp();
            Comparison comparison;
            while (!(comparison = await Compare(both, names, mode, withTtl: false)).IsExplained && Stopwatch.GetElapsedTime(start) < Wait.Long)
                await Task.Delay(100);
            comparison.AssertAllExplained();
        }
    }

    private static async Task<Comparison> Compare(SideBySide both, IReadOnlyCollection<string> names, ClusterNamesMode mode, bool withTtl = true)
    {
        ConcurrentBag<Comparison.Pair> pairs = [];
        IEnumerable<(string, ushort)> questions = names.SelectMany(name => _types.Select(type => (name, type)));
        await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (question, _) =>
        {
            (string name, ushort type) = question;
            (AnswerText theirs, AnswerText ours) = await both.Ask(name, type);
            pairs.Add(withTtl ? new Comparison.Pair(name, type, theirs, ours) : new Comparison.Pair(name, type, theirs.WithoutTtl(), ours.WithoutTtl()));
        });
        return new Comparison(pairs, mode);
    }
}
