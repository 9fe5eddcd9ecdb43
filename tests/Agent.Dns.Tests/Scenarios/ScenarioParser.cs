using System.Globalization;

namespace Agent.Dns.Tests.Scenarios;

/// <summary>A scenario file that cannot be read, with the place: <c>file:line: what is wrong</c>.</summary>
internal sealed class ScenarioException(string file, int line, string message) : Exception($"{file}:{line}: {message}");

/// <summary>Reads the format that README.md beside the scenarios describes.</summary>
internal sealed class ScenarioParser(string file)
{
    private static readonly Dictionary<string, int> _codes = Enum.GetValues<ResponseCode>().ToDictionary(code => code.ToString().ToUpperInvariant(), code => (int)code);

    private readonly List<Step> _steps = [];
    private CacheLimits _limits = Support.Steps.Limits;
    private TimeSpan _serveStale = TimeSpan.FromHours(1);
    private Sections? _open; // takes the records that follow

    /// <exception cref="ScenarioException">A line is wrong.</exception>
    public static Scenario Parse(string file, string[] lines)
    {
        ScenarioParser parser = new(file);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = WithoutComment(lines[i]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            try
            {
                parser.Read(i + 1, words);
            }
            catch (FormatException error)
            {
                throw new ScenarioException(file, i + 1, error.Message);
            }
        }

        return parser.Finish(lines.Length);
    }

    private Scenario Finish(int lastLine)
    {
        if (!_steps.OfType<AskStep>().Any())
            throw new ScenarioException(file, lastLine, "nothing is asked");
        RequireReply();
        return new Scenario(file, _steps) { Limits = _limits, ServeStale = _serveStale };
    }

    private void Read(int line, string[] words)
    {
        if (words[0] is not ("reply" or "answer" or "authority" or "additional"))
            RequireReply();
        switch (words[0])
        {
            case "cache":
                ReadCache(words[1..]);
                break;
            case "wait":
                _steps.Add(new WaitStep(line, Milliseconds(At(words, 1, "how long"))));
                break;
            case "upstream":
                ReadUpstream(line, words[1..]);
                break;
            case "ask":
                ReadAsk(line, words[1..]);
                break;
            case "reply":
                ReadReply(line, words[1..]);
                break;
            case "answer" or "authority" or "additional":
                (_open ?? throw new FormatException($"'{words[0]}' belongs under an 'upstream' that answers or a 'reply'")).Add(ScenarioRecord.Parse(words[0], words[1..]));
                break;
            default:
                throw new FormatException($"'{words[0]}' is none of cache, upstream, wait, ask, reply, answer, authority, additional");
        }
    }

    private void RequireReply()
    {
        if (_steps.LastOrDefault() is AskStep { Reply: null } ask)
            throw new ScenarioException(file, ask.Line, "an 'ask' is followed by its 'reply'");
    }

    private void ReadCache(string[] words)
    {
        if (_steps.Count > 0)
            throw new FormatException("'cache' comes first");
        foreach ((string name, string value) in words.Select(Pair))
        {
            long milliseconds = Milliseconds(value);
            uint seconds = (uint)(milliseconds / 1000);
            switch (name)
            {
                case "stale": _serveStale = TimeSpan.FromMilliseconds(milliseconds); break;
                case "min": _limits = _limits with { MinTtl = seconds }; break;
                case "max": _limits = _limits with { MaxTtl = seconds }; break;
                case "negative": _limits = _limits with { MaxNegativeTtl = seconds }; break;
                default: throw new FormatException($"'{name}' is none of stale, min, max, negative");
            }
        }
    }

    private void ReadUpstream(int line, string[] words)
    {
        string type = At(words, 1, "NAME TYPE");
        if (type != "*")
            ScenarioRecord.TypeOf(type);
        string code = At(words, 2, "an RCODE or 'silent'");
        UpstreamAnswer answer = new(code == "silent" ? null : Code(code), new Sections());
        foreach (string word in words[3..])
        {
            if (word == "tc")
                answer.IsTruncated = true;
            else if (word == "tcp")
                answer.OverTcp = true;
            else if (Pair(word) is { Name: "for" } pair)
                answer.QuestionName = pair.Value;
            else
                throw new FormatException($"'{word}' is none of tc, tcp, for=NAME");
        }

        _open = answer.ResponseCode == null ? null : answer.Sections;
        _steps.Add(new UpstreamStep(line, words[0], type, answer));
    }

    private void ReadAsk(int line, string[] words)
    {
        AskStep ask = new(line, words.ElementAtOrDefault(0) ?? "", ScenarioRecord.TypeOf(At(words, 1, "NAME TYPE")));
        foreach (string word in words[2..])
        {
            switch (word)
            {
                case "edns": ask.UdpSize = 1232; break;
                case "do": (ask.DnssecOk, ask.UdpSize) = (true, ask.UdpSize ?? 1232); break;
                case "cd": ask.CheckingDisabled = true; break;
                case "norec": ask.WantsRecursion = false; break;
                case "tcp": ask.IsTcp = true; break;
                case var _ when Pair(word) is { Name: "edns" } pair: ask.UdpSize = Number(pair.Value); break;
                case var _ when Pair(word) is { Name: "id" } pair: ask.Id = (ushort)Number(pair.Value); break;
                default: throw new FormatException($"'{word}' is none of edns, edns=SIZE, do, cd, norec, tcp, id=NUMBER");
            }
        }

        _open = null;
        _steps.Add(ask);
    }

    private void ReadReply(int line, string[] words)
    {
        if (_steps.LastOrDefault() is not AskStep { Reply: null } ask)
            throw new FormatException("a 'reply' follows its 'ask'");
        ExpectedReply reply = ask.Reply = new ExpectedReply(line, Code(At(words, 0, "an RCODE")), new Sections());
        foreach (string word in words[1..])
        {
            if (word == "tc")
                reply.IsTruncated = true;
            else if (Pair(word) is { Name: "ede" } error)
                reply.ExtendedError = Number(error.Value);
            else if (Pair(word) is { Name: "upstream" } count)
                reply.UpstreamQueries = Number(count.Value);
            else
                throw new FormatException($"'{word}' is none of tc, ede=CODE, upstream=COUNT");
        }

        if (reply.UpstreamQueries == null)
            throw new FormatException("a 'reply' says how many queries reach the upstream: upstream=0");
        _open = reply.Sections;
    }

    /// <summary>A comment begins with <c>#</c>; <c>\#</c> begins data (RFC 3597 section 5).</summary>
    private static string WithoutComment(string line)
    {
        int at = line.IndexOf('#');
        return at < 0 || (at > 0 && line[at - 1] == '\\') ? line : line[..at];
    }

    private static (string Name, string Value) Pair(string word) =>
        word.Split('=', 2) is [var name, var value] ? (name, value) : (word, "");

    private static string At(string[] words, int index, string what) =>
        index < words.Length ? words[index] : throw new FormatException($"{what} is missing");

    private static int Code(string text) => _codes.TryGetValue(text, out int code) ? code : throw new FormatException($"'{text}' is no RCODE");

    private static int Number(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number >= 0 ? number : throw new FormatException($"'{text}' is no number");

    private static long Milliseconds(string text)
    {
        (string unit, long factor)[] units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        foreach ((string unit, long factor) in units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal) && long.TryParse(text[..^unit.Length], CultureInfo.InvariantCulture, out long number) && number >= 0)
                return number * factor;
        }

        throw new FormatException($"'{text}' is no time: 500ms, 30s, 5m, 1h");
    }
}
