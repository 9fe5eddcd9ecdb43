using System.Net;
using Agent.Benchmarks.Servers;

namespace Agent.Benchmarks.Contest;

/// <summary>Runs the lines one after the other, each with its servers started afresh, and prints a table for each.</summary>
internal static class Bench
{
    private const int UpstreamCore = 1; // where the load generator is too: the server has its core for itself

    private static readonly Server _constant = new ConstantResponder("constant", lastOctet: 10);
    private static readonly Server _upstream = new ConstantResponder("upstream", lastOctet: 20);

    public static IReadOnlyList<Server> AllServers { get; } =
        [_constant, new LocalRedirectAgent(), new WatchedAgent(), new Unbound(), new Dnsdist(), new KnotResolver(), new NodeLocalDnsCache()];

    public static int Run(Options options, TextWriter output)
    {
        if (Environment.ProcessorCount < 2)
            throw new BenchException("two cores are needed: one for the server, one for the load");
        NativePrograms.Build();

        List<Server> servers = [.. AllServers.Where(server => server == _constant || options.Servers.Contains(server.Name))];
        output.WriteLine(Machine.Describe());
        foreach (Server server in servers)
            output.WriteLine($"  {server.Name,-12}{server.Version()}");

        using var directory = new ScratchDirectory();
        List<LineResult> results = [];
        foreach (Line line in options.Lines)
        {
            LineResult result = Run(line, [.. servers.Where(server => TakesPart(server, line))], options, directory.Create(line.Name));
            Table.Write(output, result);
            results.Add(result);
        }
        new Goals(results).Write(output);
        return 0;
    }

    private static bool TakesPart(Server server, Line line) =>
        server == _constant || (line.IsObserved ? server is LocalRedirectAgent : server is not WatchedAgent);

    private static LineResult Run(Line line, List<Server> servers, Options options, string directory)
    {
        foreach (Server server in (Server[])[.. servers, _upstream])
        {
            if (Probe.IsTaken(server.Address))
                throw new BenchException($"{server.Address} is taken: does another bench run?");
        }

        List<Entry> entries = [];
        using Child upstream = _upstream.Start(Setup(line, _upstream, directory), UpstreamCore);
        try
        {
            if (!Probe.Wait(_upstream.Address, upstream, TimeSpan.FromSeconds(5)))
                throw new BenchException($"the upstream does not answer: {string.Join("; ", upstream.Output)}");
            foreach (Server server in servers)
                entries.Add(new Entry(server, Setup(line, server, directory)));
            return new LineResult(line, entries, new Rounds(line, entries, upstream, options).Run());
        }
        finally
        {
            foreach (Entry entry in entries)
                entry.Dispose();
        }
    }

    private static ServerSetup Setup(Line line, Server server, string directory)
    {
        string own = Directory.CreateDirectory(Path.Combine(directory, server.Name)).FullName;
        return new ServerSetup(own, _upstream.Address, line.Upstream, line.CacheNames);
    }
}
