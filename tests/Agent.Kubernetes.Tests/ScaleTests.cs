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

    [Fact]
    public async Task Events_about_slices_of_a_hundred_endpoints_are_read_within_eight_times_their_text()
    {
        const int Events = 200;
        string[] lines = [.. Enumerable.Range(0, Events).Select(ComposeEvent)];
        byte[] text = System.Text.Encoding.UTF8.GetBytes(string.Concat(lines));
        ObjectStore<EndpointSlice> store = new();
        await Watch(text, new ObjectStore<EndpointSlice>());
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();

        int changes = await Watch(text, store);

        TimeSpan taken = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        output.WriteLine($"{text.Length / Events} bytes each, {allocated / Events} allocated for each, {taken.TotalMilliseconds / Events:F3} ms each");
        Assert.Equal(Events, changes);
        Assert.Equal(100, Assert.Single(store.Snapshot()).Endpoints.Count);
        Assert.InRange(allocated, text.Length / 8, 8L * text.Length);
    }

    private static async Task<int> Watch(byte[] text, ObjectStore<EndpointSlice> store)
    {
        WatchReader<EndpointSlice> reader = new(new MemoryStream(text), EndpointSliceParser.Parse, new StringPool());
        List<WatchEvent<EndpointSlice>> events = [];
        int changes = 0;
        while (await reader.Read(events, TimeSpan.FromMinutes(1), default))
        {
            changes += store.Apply(events).Count;
            events.Clear();
        }

        return changes;
    }

    private static string ComposeEvent(int version)
    {
        IEnumerable<string> endpoints = Enumerable.Range(0, 100).Select(i => $$$"""
            {"addresses":["10.200.{{{i}}}.{{{version}}}"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-{{{i % 40}}}.example.internal",
            "targetRef":{"kind":"Pod","name":"web-7d9c5b6f4c-{{{i:x5}}}","namespace":"shop","uid":"{{{Guid.NewGuid()}}}"},"zone":"eu-central-1{{{"abc"[i % 3]}}}"}
            """.ReplaceLineEndings(""));
        return $$$$"""
            {"type":"MODIFIED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"name":"web-x7k2p","generateName":"web-","namespace":"shop","uid":"1b2c3d4e-0000-4111-8222-333344445555",
            "resourceVersion":"{{{{100_000 + version}}}}","generation":{{{{version + 1}}}},"creationTimestamp":"2025-11-20T10:00:00Z","labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web"},
            "ownerReferences":[{"apiVersion":"v1","kind":"Service","name":"web","uid":"{{{{Guid.NewGuid()}}}}","controller":true,"blockOwnerDeletion":true}],
            "managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"discovery.k8s.io/v1","time":"2025-11-20T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:addressType":{},"f:endpoints":{},"f:ports":{}}}]},
            "addressType":"IPv4","endpoints":[{{{{string.Join(',', endpoints)}}}}],"ports":[{"name":"http","protocol":"TCP","port":8080}]}}
            """.ReplaceLineEndings("") + "\n";
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
