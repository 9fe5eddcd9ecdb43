using Agent.Benchmarks.Contest;

namespace Agent.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record Options(IReadOnlyList<Line> Lines, int Rounds, bool Edns, IReadOnlyList<string> Servers)
{
    private static readonly string _usage = $"""
        usage: Agent.Benchmarks [LINE ...] [--rounds N] [--servers NAME,NAME] [--edns]

        LINE       the start of the name of a line (default: all of them):
                   {string.Join(' ', Line.All.Select(line => line.Name))}
        --rounds   measured rounds of each server, of which the median counts (9)
        --servers  only these of: {string.Join(' ', Bench.AllServers.Select(server => server.Name))}
                   (the constant responder is always measured)
        --edns     ask with EDNS, as dig does

        The environment variable LRA names the agent's executable (default: out/lra), NODE_CACHE that of
        NodeLocal DNSCache (default: node-cache in PATH).
        """;

    public static bool TryParse(string[] args, TextWriter errors, out Options options)
    {
        List<Line> lines = [];
        options = new Options(Line.All, Rounds: 9, Edns: false, [.. Bench.AllServers.Select(server => server.Name)]);

        for (int i = 0; i < args.Length; i++)
        {
            List<Line> named = [.. Line.All.Where(line => line.Name.StartsWith(args[i], StringComparison.Ordinal))];
            switch (args[i])
            {
                case "--rounds" when i + 1 < args.Length && int.TryParse(args[i + 1], out int rounds) && rounds is > 0 and <= 100:
                    options = options with { Rounds = rounds };
                    i++;
                    break;
                case "--servers" when i + 1 < args.Length && AreServers(args[i + 1].Split(',')):
                    options = options with { Servers = args[++i].Split(',') };
                    break;
                case "--edns":
                    options = options with { Edns = true };
                    break;
                case not "" when named.Count > 0:
                    lines.AddRange(named);
                    break;
                default:
                    errors.WriteLine(_usage);
                    return false;
            }
        }

        if (lines.Count > 0)
            options = options with { Lines = [.. lines.Distinct()] };
        return true;
    }

    private static bool AreServers(string[] names) =>
        names.All(name => Bench.AllServers.Any(server => server.Name == name));
}
