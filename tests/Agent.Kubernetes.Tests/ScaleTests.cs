using System.Diagnostics;
using Agent.Kubernetes.Parsing;
using Agent.Kubernetes.Tests.Support;
using Agent.Kubernetes.Watching;
using Xunit.Abstractions;

namespace Agent.Kubernetes.Tests;

/// <summary>By itself: it measures the heap of the whole process.</summary>
[Collection(nameof(ScaleTests))]
[CollectionDefinition(nameof(ScaleTests), DisableParallelization = true)]
public sealed class ScaleTests(ITestOutputHelper output)
{
    private const int Count = 10_000;

    [Fact]
    public async Task Ten_thousand_Services_of_1500_bytes_are_read_within_3_KB_of_allocations_each()
    {
        byte[] page = ComposePage(500, out long version);
        List<Service> found = new(Count);
        StringPool strings = new();
        await ReadPage(page, strings, []);
        GC.Collect();
        long heap = GC.GetTotalMemory(forceFullCollection: true), before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();

        for (int i = 0; i < Count / 500; i++)
            await ReadPage(page, strings, found);

        TimeSpan taken = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before, kept = GC.GetTotalMemory(forceFullCollection: true) - heap;
        Assert.Equal(Count, found.Count);
        output.WriteLine($"{page.Length / 500} bytes of JSON each; {allocated / Count} bytes allocated and {kept / Count} kept for each; {taken.TotalMilliseconds:F0} ms; version {version}");
        // No DOM: that alone would be several times the text.
        Assert.InRange(allocated / Count, 1, 3_000);
        Assert.InRange(kept / Count, 1, 1_200);
    }

    [Fact]
    public async Task Ten_thousand_Services_are_listed_from_a_server()
    {
        await using ApiServer server = await ApiServer.Start();
        for (int i = 0; i < Count; i++)
            server.Put(Objects.LargeService(i));
        long start = Stopwatch.GetTimestamp();

        await using Watched<Service> watched = Watched<Service>.Start(server, Resources.Services);
        await watched.Synced();

        output.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms, the double's part in the same process included");
        Assert.Equal(Count, watched.Reflector.Count);
        Assert.Equal(20, server.Requests.Count(request => !request.IsWatch));
    }

    private static byte[] ComposePage(int count, out long version)
    {
        version = 77;
        IEnumerable<string> items = Enumerable.Range(0, count).Select(i =>
        {
            var service = Objects.LargeService(i);
            service["metadata"]!["uid"] = Guid.NewGuid().ToString();
            service["metadata"]!["resourceVersion"] = $"{1000 + i}";
            return service.ToJsonString();
        });
        return System.Text.Encoding.UTF8.GetBytes($$$"""{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"77"},"items":[{{{string.Join(',', items)}}}]}""");
    }

    private static async Task ReadPage(byte[] page, StringPool strings, List<Service> found)
    {
        ListReader<Service> reader = new(ServiceParser.Parse, strings, found.Add);
        await reader.Read(new MemoryStream(page), default);
    }
}
