using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary>A running agent whose configuration file changes.</summary>
public sealed class ReloadTests : IDisposable
{
    private const string Name = "www.example.test";

    private readonly ScriptedUpstream _upstream = ScriptedUpstream.Answering("192.0.2.1");
    private readonly AgentSetup _setup;
    private readonly string _first;

    public ReloadTests()
    {
        _setup = new AgentSetup(_upstream.EndPoint);
        _first = File.ReadAllText(_setup.ConfigurationPath);
    }

    public void Dispose()
    {
        _upstream.Dispose();
        _setup.Dispose();
    }

    [Fact]
    public async Task A_change_is_in_force_without_a_restart_and_what_is_cached_stays()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Client.Ask(_setup.EndPoint, DnsMessage.Query(Name));

        Change($"{_first}\nhosts: [ {{ address: 10.9.9.9, names: [new.example.test] }} ]\n");

        await Answers("new.example.test", "10.9.9.9");
        Assert.Equal("192.0.2.1", await AddressOf(Name));
        Assert.Equal(1, _upstream.CountOf(Name));
        Assert.Equal(0, (await Config("diff")).Status);

        Change(_first);
        await Answers("new.example.test", "192.0.2.1");
    }

    [Fact]
    public async Task A_route_that_changes_takes_the_answers_of_its_zone_out_of_the_cache()
    {
        using ScriptedUpstream other = ScriptedUpstream.Answering("192.0.2.2");
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Client.Ask(_setup.EndPoint, DnsMessage.Query(Name));

        Change(_first.Replace("routes:", $"routes:\n  - {{ zone: example.test, servers: [\"{other.EndPoint}\"] }}", StringComparison.Ordinal));

        await Answers(Name, "192.0.2.2");
    }

    [Fact]
    public async Task A_file_with_mistakes_changes_nothing_and_the_mistake_is_named_until_it_is_mended()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);

        Change($"{_first}\nhosts: [ {{ address: 10.9.9.9, names: [new.example.test] }} ]\ncache: {{ memry: 2MiB }}\n");

        await Wait.Until(() => agent.Output.Contains("is refused", StringComparison.Ordinal), "the mistake is logged");
        Assert.Equal("192.0.2.1", await AddressOf("new.example.test"));

        Change(_first.Replace("memory: 1MiB", "memory: 2MiB", StringComparison.Ordinal) + "\nhosts: [ { address: 10.9.9.9, names: [new.example.test] } ]\n");
        await Wait.Until(() => agent.Output.Contains("cache.memory: 1MiB becomes 2MiB, which takes a restart", StringComparison.Ordinal), "the reason is logged");
        Assert.Equal("192.0.2.1", await AddressOf("new.example.test"));
        (int status, string output, _) = await AgentProcess.Run("status", "--config", _setup.ConfigurationPath);
        Assert.Contains("cache.memory: 1MiB becomes 2MiB", output, StringComparison.Ordinal);
        (status, output, _) = await Config("diff");
        Assert.Equal((1, true), (status, output.Contains("hosts[0].address: 10.9.9.9 is new\n", StringComparison.Ordinal)));

        Change($"{_first}\nhosts: [ {{ address: 10.9.9.9, names: [new.example.test] }} ]\n");
        await Answers("new.example.test", "10.9.9.9");
        Assert.DoesNotContain("is refused", (await AgentProcess.Run("status", "--config", _setup.ConfigurationPath)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ConfigMap_changes_by_its_symbolic_links()
    {
        DirectoryInfo volume = Directory.CreateTempSubdirectory("lra-configmap-");
        try
        {
            Write("..1", _first);
            Directory.CreateSymbolicLink(Path.Combine(volume.FullName, "..data"), "..1");
            File.CreateSymbolicLink(Path.Combine(volume.FullName, "lra.yaml"), "..data/lra.yaml");
            File.Delete(_setup.ConfigurationPath);
            File.CreateSymbolicLink(_setup.ConfigurationPath, Path.Combine(volume.FullName, "lra.yaml"));
            using AgentProcess agent = await AgentProcess.Serve(_setup);

            // As the kubelet does it: the new files beside, then one rename.
            Write("..2", $"{_first}\nhosts: [ {{ address: 10.9.9.9, names: [new.example.test] }} ]\n");
            Directory.CreateSymbolicLink(Path.Combine(volume.FullName, "..data_tmp"), "..2");
            using (System.Diagnostics.Process rename = System.Diagnostics.Process.Start("mv", ["-T", Path.Combine(volume.FullName, "..data_tmp"), Path.Combine(volume.FullName, "..data")]))
                await rename.WaitForExitAsync();

            await Answers("new.example.test", "10.9.9.9");
        }
        finally
        {
            volume.Delete(recursive: true);
        }

        void Write(string version, string text)
        {
            Directory.CreateDirectory(Path.Combine(volume.FullName, version));
            File.WriteAllText(Path.Combine(volume.FullName, version, "lra.yaml"), text);
        }
    }

    [Fact]
    public async Task Changes_under_load_lose_no_query()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        using CancellationTokenSource end = new();
        Task<int> load = Load(end.Token);

        for (int i = 1; i <= 4; i++)
        {
            Change($"{_first}\nhosts: [ {{ address: 10.9.9.{i}, names: [new.example.test] }} ]\nclients: {{ inFlight: {500 + i} }}\n");
            await Answers("new.example.test", $"10.9.9.{i}");
        }

        await end.CancelAsync();
        Assert.InRange(await load, 1000, int.MaxValue);
        Assert.DoesNotContain("met a defect", agent.Output, StringComparison.Ordinal);

        // About 1,000 a second, each awaited: one that is lost fails the test. Hits and misses in turn.
        async Task<int> Load(CancellationToken stop)
        {
            int count = 0;
            while (!stop.IsCancellationRequested)
            {
                string name = count % 2 == 0 ? Name : $"n{count}.example.test";
                Assert.Equal("192.0.2.1", await AddressOf(name));
                count++;
            }

            return count;
        }
    }

    private static string AddressOf(DnsMessage reply) => Assert.Single(reply.Answers).Address.ToString();

    private void Change(string content) => File.WriteAllText(_setup.ConfigurationPath, content);

    private Task<(int Status, string Output, string Error)> Config(string verb) => AgentProcess.Run("config", verb, "--config", _setup.ConfigurationPath);

    private async Task<string> AddressOf(string name) => AddressOf(await Client.Ask(_setup.EndPoint, DnsMessage.Query(name)));

    private async Task Answers(string name, string address)
    {
        string found = "";
        for (int i = 0; i < 150 && found != address; i++)
        {
            found = await AddressOf(name);
            await Task.Delay(100);
        }

        Assert.Equal(address, found);
    }
}
