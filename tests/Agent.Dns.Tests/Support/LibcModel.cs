namespace Agent.Dns.Tests.Support;

/// <summary>How resolvers ask along a search list, step by step as glibc's res_search, musl's name_from_dns_search and Go's goLookupIPCNAMEOrder have it.</summary>
internal sealed class LibcModel(IReadOnlyList<string> domains, int ndots, Func<string, ushort, OracleMessage> ask)
{
    private const int ServFail = 2;
    private const int NxDomain = 3;

    /// <summary>Questions asked so far.</summary>
    public int Asked { get; private set; }

    /// <returns>The addresses, sorted; <c>none</c> or <c>again</c>.</returns>
    public string Glibc(string name, params ushort[] types)
    {
        IEnumerable<string> searched = domains.Select(domain => $"{name}.{domain}");
        bool isFirstAsItIs = name.Count(c => c == '.') >= ndots;
        bool failed = false;
        foreach (string step in isFirstAsItIs ? searched.Prepend(name) : searched.Append(name))
        {
            OracleMessage[] replies = Ask(step, types);
            if (replies.Any(reply => reply.Rcode == 0 && reply.Answers.Count > 0))
                return Addresses(replies);
            failed |= replies[0].Rcode == ServFail || (replies[0].Rcode == 0 && replies[^1].Rcode == ServFail);
        }

        return failed ? "again" : "none";
    }

    public string Musl(string name, params ushort[] types)
    {
        bool isSearched = name.Count(c => c == '.') < ndots;
        foreach (string step in (isSearched ? domains.Select(domain => $"{name}.{domain}") : []).Append(name))
        {
            OracleMessage[] replies = Ask(step, types);
            OracleMessage? first = replies.FirstOrDefault(reply => reply.Rcode != 0);
            if (first?.Rcode == NxDomain)
                continue;
            return first != null ? "again" : Addresses(replies);
        }

        return "none";
    }

    /// <summary>Go's own resolver, and c-ares, go on until there is an address.</summary>
    public string Go(string name, params ushort[] types)
    {
        IEnumerable<string> searched = domains.Select(domain => $"{name}.{domain}");
        bool isFirstAsItIs = name.Count(c => c == '.') >= ndots;
        foreach (string step in isFirstAsItIs ? searched.Prepend(name) : searched.Append(name))
        {
            if (Addresses(Ask(step, types)) is var found && found != "none")
                return found;
        }

        return "none";
    }

    private OracleMessage[] Ask(string name, ushort[] types)
    {
        Asked += types.Length;
        return [.. types.Select(type => ask(name, type))];
    }

    private static string Addresses(OracleMessage[] replies)
    {
        string[] found = [.. replies.Where(reply => reply.Rcode == 0).SelectMany(reply => reply.Answers)
            .Where(record => record.Type is T.A or T.Aaaa).Select(record => Convert.ToHexString(record.RawData)).Order(StringComparer.Ordinal)];
        return found.Length > 0 ? string.Join(' ', found) : "none";
    }
}
