using System.Text;
using System.Text.Json;
using Agent.Kubernetes.Parsing;
using Agent.Kubernetes.Watching;

namespace Agent.Kubernetes.Tests;

public sealed class ListReaderTests
{
    private const string Items = """[{"metadata":{"name":"a","labels":{"x":"]}\""}}},{"metadata":{"name":"b"}}]""";

    [Theory]
    [InlineData($$$"""{"kind":"List","metadata":{"resourceVersion":"5","continue":"c"},"items":{{{Items}}} }""")]
    [InlineData($$$"""{"items":{{{Items}}},"unknown":[{"items":[1]}],"metadata":{"continue":"c","resourceVersion":"5"}}""")]
    public async Task Fields_come_in_any_order(string list)
    {
        (List<string> names, Metadata metadata) = await Read(list);

        Assert.Equal(["a", "b"], names);
        Assert.Equal(("5", "c"), (metadata.ResourceVersion, metadata.Continue));
    }

    [Fact]
    public async Task A_list_of_nothing_may_have_null_for_items() =>
        Assert.Empty((await Read("""{"metadata":{"resourceVersion":"5"},"items":null}""")).Names);

    [Fact]
    public async Task An_object_larger_than_the_buffer_is_read()
    {
        string large = """{"metadata":{"name":"large","labels":{"x":"LONG"}}}""".Replace("LONG", new string('x', 300_000), StringComparison.Ordinal);

        Assert.Equal(["large", "large"], (await Read($$"""{"metadata":{"resourceVersion":"5"},"items":[{{large}},{{large}}]}""")).Names);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}""")]
    [InlineData("""{"metadata":{"resourceVersion":"5"},"items":[""")]
    [InlineData("""{"metadata":{},"items":[]}""")]
    [InlineData("<html>")]
    public Task What_is_no_complete_list_is_refused(string list) => Assert.ThrowsAnyAsync<JsonException>(() => Read(list));

    private static async Task<(List<string> Names, Metadata Metadata)> Read(string list)
    {
        List<string> names = [];
        ListReader<Namespace> reader = new(BareParser.ParseNamespace, new StringPool(), item => names.Add(item.Key.Name));
        await reader.Read(new MemoryStream(Encoding.UTF8.GetBytes(list)), default);
        return (names, reader.Metadata);
    }
}
