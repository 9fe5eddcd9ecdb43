using System.Globalization;
using System.Text;
using Agent.Configuration;
using Agent.Observability.Flows;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>Queries in the log, switched by the configuration file.</summary>
public sealed class QueryLogTests : IDisposable
{
    private readonly ScriptedUpstream _upstream = new(async exchange =>
    {
        if (exchange.Name.StartsWith("slow", StringComparison.Ordinal))
            await Task.Delay(150);
        await exchange.Answer(RR.AddressRecord(exchange.Name, "192.0.2.1", 300));
    });

    private readonly AgentSetup _setup;

    public QueryLogTests() => _setup = new AgentSetup(_upstream.EndPoint, "log: { queries: none }");

    public void Dispose()
    {
        _upstream.Dispose();
        _setup.Dispose();
    }

    [Fact]
    public async Task The_file_switches_it_on_and_off_without_a_restart()
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Ask("never.example.test");

        Log("all");
        await Until(agent, "on.example.test", isLogged: true);
        Assert.Matches(@"(?m)^\[INFO\] 127\.\S+:\d+ - \d+ ""A IN on\.example\.test\. udp 33 false 512"" NOERROR qr,rd,ra 49 0\.\d+s$", agent.Output);

        Log("none");
        await Wait.Until(() => agent.Output.Split("has changed, and is in force").Length == 3, "the change is in force");
        await Ask("off.example.test");
        await Task.Delay(100); // five times as long as a flow takes to the log
        Assert.DoesNotContain("off.example.test", agent.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("never.example.test", agent.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("errors", "refused")]
    [InlineData("slow", "slow")]
    public async Task What_is_not_asked_for_is_not_logged(string logged, string name)
    {
        using AgentProcess agent = await AgentProcess.Serve(_setup);
        await Ask("plain.example.test"); // a hit from now on, however busy the machine is
        Log(logged);
        await Wait.Until(() => agent.Output.Contains("has changed, and is in force", StringComparison.Ordinal), "the change is in force");

        await Ask("plain.example.test");
        await Ask("slow.example.test");
        await Client.Ask(_setup.EndPoint, DnsMessage.Query("refused.example.test") with { Flags = 0 });

        await Wait.Until(() => agent.Output.Contains("[INFO]", StringComparison.Ordinal), "one is logged");
        await Task.Delay(100);
        string line = Assert.Single(agent.Output.Split('\n'), line => line.Contains("[INFO]", StringComparison.Ordinal));
        Assert.Contains($"IN {name}.example.test.", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_that_are_turned_away_are_logged_as_denied()
    {
        using AgentSetup setup = new(_upstream.EndPoint, "clients: { deny: [127.0.0.0/8] }\nlog: { queries: denied }");
        using AgentProcess agent = await AgentProcess.Serve(setup);

        await Client.Ask(setup.EndPoint, DnsMessage.Query("www.example.test"));

        await Wait.Until(() => agent.Output.Contains("IN www.example.test. udp", StringComparison.Ordinal), "it is logged");
    }

    [Fact]
    public async Task Where_nobody_takes_the_lines_queries_are_answered_and_the_log_says_how_many_it_lacks()
    {
        using AgentUnderTest agent = AgentUnderTest.Forwarding(_upstream);
        using StuckWriter writer = new();
        using QueryLog log = new(agent.Flows, writer);
        log.Log(LoggedQueries.All);
        const int Asked = 2 * FlowWatcher.Capacity;

        using (TcpConversation client = await agent.Connect())
        {
            for (int done = 0; done < Asked; done += 64)
            {
                await client.Send([.. Enumerable.Repeat(DnsMessage.Query("localhost"), 64)]);
                await client.Receive(64);
            }
        }

        writer.Free();
        await Wait.Until(() => Lines().Sum(LossIn) + Lines().Count(IsQuery) == Asked, "each query is logged or counted");
        Assert.InRange(Lines().Sum(LossIn), 1, Asked - 1);

        string[] Lines() => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        static bool IsQuery(string line) => line.StartsWith("[INFO]", StringComparison.Ordinal);
        static long LossIn(string line) => IsQuery(line) ? 0 : long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    private Task<DnsMessage> Ask(string name) => Client.Ask(_setup.EndPoint, DnsMessage.Query(name));

    private void Log(string queries)
    {
        string text = File.ReadAllText(_setup.ConfigurationPath);
        File.WriteAllText(_setup.ConfigurationPath, string.Join('\n', text.Split('\n').Select(line => line.StartsWith("log:", StringComparison.Ordinal) ? $"log: {{ queries: {queries} }}" : line)));
    }

    private async Task Until(AgentProcess agent, string name, bool isLogged)
    {
        long end = Environment.TickCount64 + (long)Wait.Long.TotalMilliseconds;
        while (agent.Output.Contains($"IN {name}. udp", StringComparison.Ordinal) != isLogged)
        {
            Assert.True(Environment.TickCount64 < end, "the log does not follow the file");
            await Ask(name);
            await Task.Delay(20);
        }
    }

    private sealed class StuckWriter : TextWriter
    {
        private readonly ManualResetEventSlim _isFree = new();
        private readonly StringBuilder _text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public void Free() => _isFree.Set();

        public override void Write(char value) => throw new NotSupportedException();

        public override void Write(StringBuilder? value)
        {
            _isFree.Wait();
            lock (_text)
                _text.Append(value);
        }

        public override string ToString()
        {
            lock (_text)
                return _text.ToString();
        }
    }
}
