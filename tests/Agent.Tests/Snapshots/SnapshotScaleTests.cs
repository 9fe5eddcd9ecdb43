using System.Diagnostics;
using Agent.Cluster;
using Agent.Configuration;
using Agent.Dns;
using Agent.Kubernetes.Tests.Support;
using Agent.Snapshots;
using Agent.Tests.Cluster;
using Agent.Tests.Configuration;
using Agent.Tests.Support;
using Xunit.Abstractions;

namespace Agent.Tests.Snapshots;

/// <summary>
/// The start of the executable with the snapshot of a large cluster, 10,000 Services and 100,000 endpoints, and of a cache past its bound. The
/// figures are printed; the goal of 500 ms is for a quiet machine.
/// </summary>
public sealed class SnapshotScaleTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_large_snapshot_is_bounded_and_a_start_with_it_answers_soon()
    {
        await using ApiServer away = await ApiServer.Start();
        await away.Stop();
        using ScriptedUpstream upstream = ScriptedUpstream.Silent();
        using TemporaryFile kubeconfig = new(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(away)));
        using AgentSetup setup = new(upstream.EndPoint, $$"""
            node: w1
            kubernetes: { enabled: true, kubeconfig: {{kubeconfig.Path}} }
            """);

        (TimeSpan cold, _) = await FirstAnswer(setup);
        (long size, TimeSpan writing) = Write(setup);
        (TimeSpan warm, string address) = await FirstAnswer(setup);

        output.WriteLine($"{size / 1048576.0:F1} MiB written in {writing.TotalMilliseconds:F0} ms; first answer after {warm.TotalMilliseconds:F0} ms, {cold.TotalMilliseconds:F0} ms without");
        Assert.InRange(size, 4 << 20, 16 << 20);
        Assert.Equal("10.100.12.34", address);
        Assert.InRange(warm, TimeSpan.Zero, Wait.Long);
    }

    /// <summary>From the start of the process to its first answer of a cluster name; without a table that is a refusal.</summary>
    private async Task<(TimeSpan Time, string Address)> FirstAnswer(AgentSetup setup)
    {
        long started = Stopwatch.GetTimestamp();
        Task<AgentProcess> starting = AgentProcess.Serve(setup);
        byte[] query = (DnsMessage.Query("service-3106.namespace-6.svc.cluster.local") with { Flags = (ushort)(File.Exists(PathOf(setup)) ? DnsMessage.RecursionDesired : 0) }).ToBytes();
        byte[]? reply = null;
        while (reply == null && Stopwatch.GetElapsedTime(started) < Wait.Long)
            reply = await Ask(setup, query);
        TimeSpan taken = Stopwatch.GetElapsedTime(started);
        using AgentProcess process = await starting;
        output.WriteLine(process.Output.Split('\n').FirstOrDefault(line => line.Contains("Restored", StringComparison.Ordinal), ""));
        output.WriteLine($"RssAnon {process.AnonymousKiB / 1024} MiB, {System.Diagnostics.Process.GetProcessById(process.Id).TotalProcessorTime.TotalMilliseconds:F0} ms of CPU until all of it runs");
        await process.Terminate();
        Assert.NotNull(reply);
        return (taken, DnsMessage.Parse(reply).Answers is [{ } answer] ? answer.Address.ToString() : "");
    }

    private static async Task<byte[]?> Ask(AgentSetup setup, byte[] query)
    {
        try
        {
            return await Client.ExchangeUdp(setup.EndPoint, query, TimeSpan.FromSeconds(1));
        }
        catch (System.Net.Sockets.SocketException)
        {
            await Task.Delay(1); // refused: there is no socket yet
            return null;
        }
    }

    private static string PathOf(AgentSetup setup) => Path.Combine(Path.GetDirectoryName(setup.AdminSocket)!, "snapshot");

    private static (long Size, TimeSpan Writing) Write(AgentSetup setup)
    {
        Assert.True(ConfigurationFile.TryRead(setup.ConfigurationPath, out AgentConfiguration? configuration, out _));
        NameTable table = new(ClusterWatch.ZoneOf(configuration), TimeProvider.System);
        NameTableScaleTests.Fill(table);
        table.MarkSynced();
        table.Publish();
        PublishedNames names = new();
        names.Publish(table.Current);
        Snapshot snapshot = new(new SnapshotContent(names, ManyAnswers()), () => configuration, () => 1, new LogRecorder());
        long started = Stopwatch.GetTimestamp();
        snapshot.Save();
        return (new FileInfo(PathOf(setup)).Length, Stopwatch.GetElapsedTime(started));
    }

    private static ResponseCache ManyAnswers()
    {
        ResponseCache cache = new(64 << 20, TimeSpan.FromHours(1));
        UpstreamResponse reader = new(new CacheLimits(5, 3600, 1800));
        for (int i = 0; i < 100_000; i++)
        {
            string name = $"host-{i}.example.test";
            byte[] key = [.. DnsName.FromText(name), 0, 1, 0, 0, 1];
            reader.Read(DnsMessage.Query(name).Reply(RR.AddressRecord(name, "192.0.2.1", ttl: 300)).ToBytes(), key, Environment.TickCount64, out CacheEntry entry);
            cache.Store(key, entry);
        }

        return cache;
    }
}
