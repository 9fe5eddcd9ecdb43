using System.Net;
using System.Text.RegularExpressions;
using Agent.Dns;

namespace Agent.Configuration.Corefile;

// hosts, rewrite, template, dns64
internal sealed partial class Converter
{
    private void Hosts(Directive hosts)
    {
        int ttl = 3600;
        bool fallsThrough = false;
        List<(Place Place, string[] Words)> lines = [];
        if (hosts.Arguments.Count > 0)
            lines.AddRange(HostsFile(hosts));
        else
            Note(hosts, "/etc/hosts is not read; what is written here is kept");
        foreach (Directive line in hosts.Body)
        {
            if (line.Name == "ttl" && line.Arguments.Count == 1 && TrySeconds(line.Arguments[0], out int seconds))
                ttl = Math.Min(seconds, LongestTtl);
            else if (line.Name == "fallthrough")
                fallsThrough = true;
            else if (line.Name == "reload")
                Note(line, "'reload': the file is read once, now; its names are in the configuration");
            else if (line.Name == "no_reverse")
                Lose(line, "'no_reverse': hosts are found by their addresses too");
            else
                lines.Add((line.Place, [line.Name, .. line.Arguments]));
        }

        if (!fallsThrough)
            Note(hosts, "'hosts' without fallthrough: names that it does not have are forwarded here, where CoreDNS fails");
        foreach ((Place place, string[] words) in lines)
            AddHost(place, words, ttl);
    }

    private IEnumerable<(Place, string[])> HostsFile(Directive hosts)
    {
        string path = Path.GetFullPath(hosts.Arguments[0], Path.GetDirectoryName(Path.GetFullPath(hosts.Place.File))!);
        try
        {
            string[] lines = CorefileReader.ReadText(path).Split('\n');
            return lines.Select((line, index) => (new Place(path, index + 1), line.Split('#')[0].Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries)))
                .Where(line => line.Item2.Length > 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Lose(hosts, $"'{hosts.Arguments[0]}' cannot be read here: give its entries under hosts, or convert where it is");
            return [];
        }
    }

    private void AddHost(Place place, string[] words, int ttl)
    {
        Parsed<IPAddress> address = Addresses.UnicastOrAny(words[0]);
        List<string> names = [];
        foreach (string word in words.Skip(1))
        {
            if (Values.Zone(word) is not { Mistake: null, Value: { Length: > 0 } name })
                Lose(place, $"'{word}' is no name of a host");
            else if (_zones.Any(zone => zone.Length == 0 || name == zone || name.EndsWith($".{zone}", StringComparison.Ordinal)))
                names.Add(name); // CoreDNS does not ask this block for others
        }

        if (address.Mistake is { } mistake)
            Lose(place, mistake);
        else if (words.Length == 1)
            Lose(place, $"'{words[0]}' has no name");
        else if (names.Count > 0)
        {
            if (!_draft.Hosts.TryGetValue((address.Value!, ttl), out HashSet<string>? known))
                _draft.Hosts.Add((address.Value!, ttl), known = []);
            known.UnionWith(names);
        }
    }

    private void Rewrite(Directive rewrite)
    {
        List<string> words = [.. rewrite.Arguments];
        bool goesOn = words.Count > 0 && words[0] == "continue";
        if (words.Count > 0 && words[0] is "stop" or "continue")
            words.RemoveAt(0);
        if (words.Count == 0 && rewrite.Body.Count > 0)
            words = [rewrite.Body[0].Name, .. rewrite.Body[0].Arguments];
        if (words is not ["name", ..])
        {
            Lose(rewrite, $"'rewrite {string.Join(' ', rewrite.Arguments)}': only names are rewritten");
            return;
        }

        string kind = words.Count > 1 && words[1] is "exact" or "prefix" or "suffix" or "substring" or "regex" ? words[1] : "exact";
        int at = words.Count > 1 && words[1] == kind ? 2 : 1;
        (string From, string To)? suffix = words.Count < at + 2 ? null : SuffixOf(kind, words[at], words[at + 1]);
        if (suffix is not { } found || Values.Zone(found.From) is not { Mistake: null, Value: { } from } || Values.Zone(found.To) is not { Mistake: null, Value: { } to } || from == to)
            Lose(rewrite, $"'rewrite {string.Join(' ', words)}': only suffixes of names are rewritten");
        else if (_draft.Rewrites.Exists(other => other.From == from))
            Lose(rewrite, $"'{found.From}' is rewritten already");
        else
            AddRewrite(rewrite, kind, goesOn, new RewriteConfiguration(from, to));
    }

    private void AddRewrite(Directive rewrite, string kind, bool goesOn, RewriteConfiguration suffix)
    {
        _draft.Rewrites.Add(suffix);
        if (kind == "exact")
            Note(rewrite, $"names below '{suffix.From}' are rewritten too");
        if (goesOn)
            Lose(rewrite, "'continue': a name is rewritten once");
        if (!_zones.Contains(""))
            Note(rewrite, "names are rewritten before a zone is chosen for them");
    }

    /// <summary>The suffixes that a rule exchanges; null when it does something else.</summary>
    private static (string From, string To)? SuffixOf(string kind, string from, string to)
    {
        if (kind == "exact")
            return (from, to);
        if (kind == "suffix")
            return (from.TrimStart('.'), to.TrimStart('.'));
        // The usual way to write a suffix as an expression: (.*)\.example\.org {1}.default.svc.cluster.local
        Match pattern = SuffixPattern().Match(from);
        Match target = SuffixTarget().Match(to);
        return kind == "regex" && pattern.Success && target.Success
            ? (pattern.Groups[1].Value.Replace("\\.", ".", StringComparison.Ordinal), target.Groups[1].Value)
            : null;
    }

    private void Template(Directive template)
    {
        string type = template.Arguments.Count > 1 ? template.Arguments[1].ToUpperInvariant() : "ANY";
        bool isIn = template.Arguments.Count == 0 || template.Arguments[0].ToUpperInvariant() is "IN" or "ANY";
        string?[] written = [.. template.Arguments.Skip(2).Select(zone => Values.Zone(ReverseZone(zone) ?? zone).Value)];
        string[] zones = written.Length > 0 ? [.. written.OfType<string>()] : _zones;
        Directive[] answers = [.. template.Body.Where(line => line.Name == "answer")];
        string code = template.Body.FirstOrDefault(line => line.Name == "rcode")?.Arguments.FirstOrDefault()?.ToUpperInvariant() ?? "NOERROR";
        bool isPlain = !written.Contains(null) && template.Body.All(line => line.Name is "answer" or "rcode" or "authority" or "fallthrough" or "ederror"
            || (line.Name == "match" && line.Arguments is [".*" or "." or "^.*$" or "(.*)"]));
        if (!isIn || !isPlain || RecordText.Code(code).Mistake is not null || (type != "ANY" && RecordText.Type(type).Mistake is not null))
            Lose(template, "'template': only fixed answers for all names of a zone have a counterpart (zones, filterAaaa)");
        else if (answers.Length > 0)
            AddRecords(template, zones, answers);
        else if (type == "AAAA" && code == "NOERROR")
            _draft.FilterAaaa.UnionWith(zones);
        else
            AddCode(template, zones, code, type);
    }

    private void AddCode(Directive template, string[] zones, string code, string type)
    {
        foreach (string zone in zones)
        {
            ZoneDraft? known = _draft.Zones.Find(other => other.Zone == zone);
            if (known == null)
                _draft.Zones.Add(known = new ZoneDraft(zone, code));
            else if (known.Code != code || (known.Types.Count == 0) != (type == "ANY"))
                Lose(template, $"the zone '{zone}' has another fixed answer already");
            if (type != "ANY" && known.Code == code)
                AddOnce(known.Types, type);
        }
    }

    private void AddRecords(Directive template, string[] zones, Directive[] answers)
    {
        foreach (Directive answer in answers)
        {
            Match record = FixedAnswer().Match(string.Join(' ', answer.Arguments));
            string text = record.Groups[1].Value;
            if (!record.Success || RecordText.Record("")($"x {text}").Mistake is not null)
            {
                Lose(answer, "'answer': only records whose data are fixed have a counterpart");
                continue;
            }

            foreach (string zone in zones)
                AddRecord(template, zone, text);
        }
    }

    private void AddRecord(Directive template, string zone, string record)
    {
        if (zone.Length == 0)
        {
            Lose(template, "'template' for all names would leave nothing to be forwarded; name the zones");
            return;
        }

        ZoneDraft? known = _draft.Zones.Find(other => other.Zone == zone);
        if (known == null)
        {
            _draft.Zones.Add(known = new ZoneDraft(zone, Code: null));
            Note(template, $"all other types of the names in '{zone}' have no data here, where CoreDNS goes on to the next plugin");
        }

        if (known.Code != null)
            Lose(template, $"the zone '{zone}' has another fixed answer already");
        else
            known.Records.AddRange([$"@ {record}", $"* {record}"]);
    }

    private void Dns64(Directive dns64)
    {
        string prefix = dns64.Arguments.Count > 0 ? dns64.Arguments[0] : "64:ff9b::/96";
        foreach (Directive option in dns64.Body)
        {
            if (option.Name == "prefix" && option.Arguments.Count == 1)
                prefix = option.Arguments[0];
            else if (option.Name == "allow_ipv4")
                continue;
            else
                Lose(option, $"'dns64 {option.Name}': only names without AAAA records get made ones");
        }

        if (!IPNetwork.TryParse(prefix, out IPNetwork network) || !Agent.Dns.Dns64.IsUsable(network))
        {
            Lose(dns64, $"'{prefix}' is no prefix that holds IPv4 addresses (RFC 6052)");
            return;
        }

        if (_draft.Dns64Prefix != null && _draft.Dns64Prefix != prefix)
            Lose(dns64, "there is one prefix, for all zones; the first is kept");
        if (!dns64.Body.Any(option => option.Name == "allow_ipv4"))
            Note(dns64, "clients that ask over IPv4 get made addresses too");
        _draft.Dns64Prefix ??= prefix;
        _draft.Dns64Zones.UnionWith(_zones);
    }

    [GeneratedRegex(@"^\^?\(\.[*+]\)\\?\.((?:[A-Za-z0-9_-]+\\?\.)*[A-Za-z0-9_-]+)(?:\\?\.)?\$?$")]
    private static partial Regex SuffixPattern();

    [GeneratedRegex(@"^\{1\}\.([A-Za-z0-9_.-]+)$")]
    private static partial Regex SuffixTarget();

    [GeneratedRegex(@"^\{\{ *\.Name *\}\} +(\d+ +(?:IN +)?[A-Z]+ +[^{}]+)$")]
    private static partial Regex FixedAnswer();
}
