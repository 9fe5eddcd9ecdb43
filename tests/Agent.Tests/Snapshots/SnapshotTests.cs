using Agent.Configuration;
using Agent.Dns;
using Agent.Snapshots;
using Agent.Tests.Support;

namespace Agent.Tests.Snapshots;

/// <summary>What is taken over from a file, under which configuration, and what happens when it cannot be written.</summary>
public sealed class SnapshotTests : IDisposable
{
    private const string Cluster = "kubernetes: { enabled: true, kubeconfig: /k }";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-snapshot-");
    private readonly LogRecorder _log = new();
    private readonly ResponseCache _cache = new(1 << 20, TimeSpan.FromHours(1));
    private readonly PublishedNames _names = new();
    private long _queries;

    private string FilePath => Path.Combine(_directory.FullName, "state", "snapshot");

    private string[] Warnings => [.. _log.Lines.Where(line => line.StartsWith("Warning", StringComparison.Ordinal))];

    public void Dispose() => _directory.Delete(recursive: true);

    private Snapshot Of(ResponseCache cache, PublishedNames names, string more = Cluster)
    {
        string yaml = $"redirect: {{ enabled: false }}\nsnapshot: {{ path: {FilePath} }}\n{more}";
        Assert.True(ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? configuration, out IReadOnlyList<ConfigurationMistake> mistakes), string.Join('\n', mistakes));
        return new Snapshot(new SnapshotContent(names, cache), () => configuration, () => _queries, _log);
    }

    private (ResponseCache Cache, PublishedNames Names, Snapshot Snapshot) Restored(string more = Cluster, Func<Moment, Moment>? at = null)
    {
        (ResponseCache cache, PublishedNames names) = (new ResponseCache(1 << 20, TimeSpan.FromHours(1)), new PublishedNames());
        Snapshot snapshot = Of(cache, names, more);
        snapshot.Restore((at ?? (moment => moment))(Moment.Now()));
        return (cache, names, snapshot);
    }

    private void Store(string name)
    {
        byte[] key = [.. DnsName.FromText(name), 0, 1, 0, 0, 1];
        byte[] response = (DnsMessage.Query(name).Reply(RR.AddressRecord(name, "192.0.2.1", ttl: 60)) with { Id = 0 }).ToBytes();
        Assert.Equal(ResponseVerdict.Answered, new UpstreamResponse(new CacheLimits(5, 3600, 1800)).Read(response, key, Environment.TickCount64, out CacheEntry entry));
        _cache.Store(key, entry);
    }

    private void PublishTable(string service = "web")
    {
        ClusterNamesBuilder builder = new(new ClusterZone { Domain = DnsName.FromText("cluster.local") });
        byte[] key = ClusterService.KeyOf(service, "default");
        builder.Set(key, new ClusterService(key, ClusterServiceKind.ClusterIp, false, []) { Addresses = [[10, 96, 1, 1]] });
        _names.Publish(builder.Build(1, out _));
    }

    private void Save(string more = Cluster)
    {
        _queries++;
        Of(_cache, _names, more).Save();
    }

    private static IEnumerable<string> Kept(ResponseCache cache) => cache.List([0], Environment.TickCount64).Select(answer => answer.Name).Order(StringComparer.Ordinal);

    [Fact]
    public void Table_and_answers_come_back_but_nothing_that_may_speak_of_the_clusters_Services_comes_from_the_cache()
    {
        const string More = Cluster + "\nrewrite: [ { from: short.test, to: default.svc.cluster.local } ]";
        foreach (string name in (string[])["www.example.test", "web.default.svc.cluster.local", "1.1.96.10.in-addr.arpa", "web.short.test"])
            Store(name);
        PublishTable();
        Save(More);

        (ResponseCache cache, PublishedNames names, Snapshot snapshot) = Restored(More);

        Assert.Equal(["www.example.test."], Kept(cache));
        Assert.NotNull(names.Current);
        Assert.NotNull(snapshot.NamesRestoredFrom);
        Assert.Empty(Warnings);
        PublishTable();
        names.Publish(_names.Current); // as the watch does
        Assert.Null(snapshot.NamesRestoredFrom);
    }

    [Theory]
    [InlineData(Cluster + "\nroutes: [ { zone: example.test, servers: [192.0.2.9] } ]")]
    [InlineData(Cluster + "\nclusterDomain: other.local")]
    [InlineData("kubernetes: { enabled: true, kubeconfig: /other-cluster }")]
    [InlineData("kubernetes: { enabled: false }")]
    public void What_was_known_under_other_routes_or_of_another_cluster_is_not_taken(string more)
    {
        Store("www.example.test");
        PublishTable();
        Save();

        (ResponseCache cache, PublishedNames names, _) = Restored(more);

        Assert.Equal((0, null), (cache.Count, names.Current));
        Assert.Single(Warnings);
    }

    [Fact]
    public void P42_a_table_that_nobody_confirmed_for_a_day_is_not_taken_and_does_not_get_younger_by_being_written_again()
    {
        PublishTable();
        Save();
        static Moment Later(Moment now, double hours) => new(Guid.NewGuid(), 0, now.Wall + (long)(hours * 3_600_000));
        (ResponseCache _, PublishedNames names, Snapshot snapshot) = Restored(at: now => Later(now, 23));
        Assert.NotNull(names.Current);
        _queries++;
        snapshot.Save();

        Assert.NotNull(Restored(at: now => Later(now, 23)).Names.Current);
        Assert.Null(Restored(at: now => Later(now, 25)).Names.Current);
        Assert.Empty(Warnings);
    }

    [Fact]
    public void Nothing_is_written_while_nothing_changes()
    {
        Store("www.example.test");
        Snapshot snapshot = Of(_cache, _names);
        snapshot.Save();
        File.Delete(FilePath);
        snapshot.Save();
        Assert.False(File.Exists(FilePath));

        _queries++;
        snapshot.Save();
        Assert.True(File.Exists(FilePath));
        File.Delete(FilePath);
        PublishTable();
        snapshot.Save();
        Assert.True(File.Exists(FilePath));
    }

    [Fact]
    public void A_directory_that_cannot_be_written_is_one_warning_until_it_can()
    {
        string directory = Path.GetDirectoryName(FilePath)!;
        File.WriteAllText(directory, "a file where the directory should be");
        Snapshot snapshot = Of(_cache, _names);

        for (int i = 0; i < 3; i++)
            snapshot.Save();
        Assert.Contains(FilePath, Assert.Single(Warnings), StringComparison.Ordinal);

        File.Delete(directory);
        snapshot.Save();
        Assert.Single(Warnings);
        Assert.Contains(_log.Lines, line => line == $"Information: {FilePath} is written again");
        Assert.Equal(0, Restored().Cache.Count);
    }

    [Fact]
    public void A_file_that_is_damaged_or_no_file_is_one_warning_and_a_cold_start()
    {
        Store("www.example.test");
        PublishTable();
        Save();
        byte[] bytes = File.ReadAllBytes(FilePath);
        foreach (byte[] damaged in (byte[][])[bytes[..^1], [.. bytes, 1], [.. "lra snapshot 2\n"u8, .. bytes[15..]], new byte[1 << 20], []])
        {
            int before = Warnings.Length;
            File.WriteAllBytes(FilePath, damaged);
            (ResponseCache cache, PublishedNames names, Snapshot snapshot) = Restored();
            Assert.Equal((0, null, null, before + 1), (cache.Count, names.Current, snapshot.NamesRestoredFrom, Warnings.Length));
        }

        File.Delete(FilePath);
        Directory.CreateDirectory(FilePath);
        Restored();
        Assert.Equal(6, Warnings.Length);
    }
}
