using System.Globalization;
using System.Net;

namespace Agent.Forwarding;

/// <summary>The parts of resolv.conf(5) that are used. Lines that are none of it are passed over, as libc does.</summary>
internal static class ResolvConf
{
    /// <summary>The <c>nameserver</c> addresses in their order, without repetition.</summary>
    public static IReadOnlyList<IPAddress> Nameservers(string content)
    {
        List<IPAddress> servers = [];
        foreach (string[] words in Lines(content))
        {
            if (words is ["nameserver", string text, ..] && IPAddress.TryParse(text, out IPAddress? address) && !servers.Contains(address))
                servers.Add(address);
        }

        return servers;
    }

    /// <summary>The domains of the last <c>search</c> line, as the kubelet takes them over.</summary>
    public static IReadOnlyList<string> Searches(string content) => Lines(content).LastOrDefault(words => words is ["search", ..])?[1..] ?? [];

    /// <summary>The option <c>ndots</c>; 1 when there is none.</summary>
    public static int Ndots(string content)
    {
        string? option = Lines(content).Where(words => words is ["options", ..]).SelectMany(words => words).LastOrDefault(word => word.StartsWith("ndots:", StringComparison.Ordinal));
        return int.TryParse(option?["ndots:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int ndots) ? ndots : 1;
    }

    private static IEnumerable<string[]> Lines(string content) => content.Split('\n').Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
