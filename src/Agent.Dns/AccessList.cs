using System.Net;

namespace Agent.Dns;

/// <summary>
/// Prefixes and what holds for the clients in them; the longest that encloses a client's address decides. Prefixes nest or are disjoint, so
/// they cut the addresses into ranges, and a look-up is a binary search for the range.
/// </summary>
public sealed class AccessList
{
    private readonly UInt128[] _starts;
    private readonly ClientVerdict[] _verdicts;

    /// <param name="prefixes">IPv4 prefixes as such, not v4-mapped.</param>
    /// <param name="others">What holds for who is in none of them.</param>
    public AccessList(IReadOnlyDictionary<IPNetwork, ClientVerdict> prefixes, ClientVerdict others)
    {
        // All of IPv4 is a prefix of its own, so that what is said of ::/0 holds for IPv6 alone.
        Dictionary<IPNetwork, ClientVerdict> rules = new() { [IPNetwork.Parse("::/0")] = others, [IPNetwork.Parse("0.0.0.0/0")] = others };
        foreach ((IPNetwork prefix, ClientVerdict verdict) in prefixes)
            rules[prefix] = verdict;

        List<KeyValuePair<UInt128, ClientVerdict>> ranges = [];
        Stack<Rule> open = [];
        foreach (Rule rule in rules.Select(rule => Rule.Of(rule.Key, rule.Value)).OrderBy(rule => rule.First).ThenByDescending(rule => rule.Last))
        {
            Close(open, rule.First, ranges);
            ranges.Add(new(rule.First, rule.Verdict));
            open.Push(rule);
        }

        Close(open, UInt128.MaxValue, ranges);
        // Where several ranges start at one address, the last one was laid over the others.
        KeyValuePair<UInt128, ClientVerdict>[] visible = [.. ranges.GroupBy(range => range.Key).Select(same => same.Last())];
        _starts = [.. visible.Select(range => range.Key)];
        _verdicts = [.. visible.Select(range => range.Value)];
    }

    public ClientVerdict Find(ClientAddress client)
    {
        int index = Array.BinarySearch(_starts, client.Value);
        return _verdicts[index < 0 ? ~index - 1 : index]; // the first range starts at ::
    }

    /// <summary>Behind a prefix that ends before <paramref name="next"/>, the one around it goes on.</summary>
    private static void Close(Stack<Rule> open, UInt128 next, List<KeyValuePair<UInt128, ClientVerdict>> ranges)
    {
        while (open.TryPeek(out Rule last) && last.Last < next)
        {
            open.Pop();
            ranges.Add(new(last.Last + 1, open.Peek().Verdict)); // ::/0 is never closed
        }
    }

    private readonly record struct Rule(UInt128 First, UInt128 Last, ClientVerdict Verdict)
    {
        public static Rule Of(IPNetwork prefix, ClientVerdict verdict)
        {
            byte[] bytes = prefix.BaseAddress.GetAddressBytes();
            int length = prefix.PrefixLength + 128 - 8 * bytes.Length;
            UInt128 first = ClientAddress.From(bytes).Value;
            return new Rule(first, first | (length == 128 ? 0 : UInt128.MaxValue >> length), verdict);
        }
    }
}
