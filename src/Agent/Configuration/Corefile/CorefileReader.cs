using System.Text.RegularExpressions;

namespace Agent.Configuration.Corefile;

/// <summary>Reads a Corefile with what it imports. NodeLocal DNSCache's placeholders are left as they are.</summary>
internal sealed partial class CorefileReader(List<Remark> remarks)
{
    private const int MaxDepth = 16; // of blocks and of imports
    private const int MaxBytes = 1 << 20;
    private const int MaxDirectives = 20_000;

    private readonly Dictionary<string, IReadOnlyList<Directive>> _snippets = [];
    private readonly List<ServerBlock> _blocks = [];
    private int _directives;

    /// <exception cref="FormatException">The file is no Corefile; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public IReadOnlyList<ServerBlock> Read(string path)
    {
        Lines lines = Open(path);
        while (lines.TryTake(out int line, out List<string> words))
        {
            // A comma at the end of a line goes on with the keys on the next.
            while (words[^1].EndsWith(',') && lines.TryTake(out _, out List<string> more))
                words.AddRange(more);
            Place place = new(path, line);
            if (words[0] == "import")
            {
                remarks.Add(new(place, "'import' outside of a block is not followed: put what it names into this file", IsLoss: true));
                continue;
            }

            if (words[^1] != "{")
                throw new FormatException($"{path}:{line}: a server block begins with its zones and '{{' at the end of the line");
            IReadOnlyList<Directive> body = ReadBody(lines, place, depth: 1);
            string[] keys = [.. words[..^1].SelectMany(word => Expand(word, place).Split(',', StringSplitOptions.RemoveEmptyEntries))];
            if (keys is [['(', .., ')'] snippet])
                _snippets[snippet[1..^1]] = body;
            else if (keys.Length > 0)
                _blocks.Add(new ServerBlock(place, keys, body));
            else
                throw new FormatException($"{path}:{line}: a server block without a zone");
        }

        return _blocks;
    }

    /// <summary>The text of a file beside the Corefile.</summary>
    public static string ReadText(string path)
    {
        FileInfo file = new(path);
        if (file.Length > MaxBytes)
            throw new IOException($"{path} is larger than {MaxBytes >> 20} MiB");
        return File.ReadAllText(path);
    }

    private static Lines Open(string path)
    {
        try
        {
            return new Lines(path, CorefileLexer.Split(ReadText(path)));
        }
        catch (FormatException error)
        {
            throw new FormatException($"{path}: {error.Message}", error);
        }
    }

    private IReadOnlyList<Directive> ReadBody(Lines lines, Place opened, int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException($"{opened.File}:{opened.Line}: blocks are nested too deep");
        List<Directive> body = [];
        while (lines.TryTake(out int line, out List<string> words))
        {
            if (words is ["}"])
                return body;
            body.AddRange(ReadDirective(lines, new Place(lines.File, line), words, depth));
        }

        throw new FormatException($"{opened.File}:{opened.Line}: this '{{' is not closed");
    }

    private IReadOnlyList<Directive> ReadDirective(Lines lines, Place place, List<string> words, int depth)
    {
        Count(place, 1);
        bool hasBlock = words[^1] == "{";
        string[] expanded = [.. (hasBlock ? words[..^1] : words).Select(word => Expand(word, place))];
        if (expanded.Length == 0)
            throw new FormatException($"{place.File}:{place.Line}: '{{' without a name before it");
        IReadOnlyList<Directive> body = hasBlock ? ReadBody(lines, place, depth + 1) : [];
        return expanded[0] == "import" ? Import(place, expanded[1..], depth) : [new Directive(place, expanded[0], expanded[1..], body)];
    }

    private IReadOnlyList<Directive> Import(Place place, string[] arguments, int depth)
    {
        if (arguments.Length == 0 || depth > MaxDepth)
            throw new FormatException($"{place.File}:{place.Line}: 'import' names nothing, or itself");
        if (_snippets.TryGetValue(arguments[0], out IReadOnlyList<Directive>? snippet))
        {
            Count(place, SizeOf(snippet));
            return [.. snippet.Select(directive => Fill(directive, arguments[1..]))];
        }

        string directory = Path.GetDirectoryName(Path.GetFullPath(place.File))!;
        string pattern = Path.GetFullPath(arguments[0], directory);
        string[] files = Directory.Exists(Path.GetDirectoryName(pattern))
            ? [.. Directory.GetFiles(Path.GetDirectoryName(pattern)!, Path.GetFileName(pattern)).Order(StringComparer.Ordinal)]
            : [];
        if (files.Length == 0)
            remarks.Add(new(place, $"'import {arguments[0]}': there is no such snippet above, nor such a file here; convert where CoreDNS reads it", IsLoss: true));
        return [.. files.SelectMany(file => ReadImported(file, depth + 1))];
    }

    private List<Directive> ReadImported(string path, int depth)
    {
        Lines lines = Open(path);
        List<Directive> body = [];
        while (lines.TryTake(out int line, out List<string> words))
            body.AddRange(ReadDirective(lines, new Place(path, line), words, depth));
        return body;
    }

    /// <summary>Snippets that use snippets grow fast.</summary>
    private void Count(Place place, int added)
    {
        _directives += added;
        if (_directives > MaxDirectives)
            throw new FormatException($"{place.File}:{place.Line}: more than {MaxDirectives} lines, with what is imported");
    }

    private static int SizeOf(IReadOnlyList<Directive> directives) => directives.Sum(directive => 1 + SizeOf(directive.Body));

    private static Directive Fill(Directive directive, string[] values)
    {
        string[] filled = [.. directive.Arguments.Select(argument => Argument().Replace(argument, match =>
            int.Parse(match.Groups[1].Value) is int index && index < values.Length ? values[index] : match.Value))];
        return directive with { Arguments = filled, Body = [.. directive.Body.Select(inner => Fill(inner, values))] };
    }

    /// <summary>Replaces <c>{$NAME}</c> and <c>{%NAME%}</c> by this process's environment.</summary>
    private string Expand(string word, Place place) => Variable().Replace(word, match =>
    {
        string name = match.Groups[1].Value + match.Groups[2].Value;
        if (Environment.GetEnvironmentVariable(name) is { } value)
            return value;
        remarks.Add(new(place, $"'{match.Value}' is not set here; set {name} as it is for CoreDNS and convert again", IsLoss: true));
        return match.Value;
    });

    [GeneratedRegex(@"\{\$([A-Za-z0-9_]+)\}|\{%([A-Za-z0-9_]+)%\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\{args(?:\[|\.)(\d{1,3})\]?\}")]
    private static partial Regex Argument();

    private sealed class Lines(string file, List<(int Line, List<string> Words)> lines)
    {
        private int _next;

        public string File => file;

        public bool TryTake(out int line, out List<string> words)
        {
            (line, words) = _next < lines.Count ? lines[_next] : (0, []);
            return _next++ < lines.Count;
        }
    }
}
