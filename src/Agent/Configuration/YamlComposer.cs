using System.Buffers;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Agent.Configuration;

/// <summary>Composes the one document of a configuration file from YamlDotNet's events.</summary>
/// <remarks>
/// YamlDotNet's own representation model throws at the first duplicate key, follows aliases, and recurses
/// as deep as the file says, which a thread's stack does not survive; hence this smaller one.
/// </remarks>
internal sealed class YamlComposer
{
    private const int MaxDepth = 32;

    /// <summary>YAML 1.2.2 section 5.1: all but tab, the line breaks and what can be printed.</summary>
    private static readonly SearchValues<char> _unprintable = SearchValues.Create(
        [.. Enumerable.Range(0, 0xA0).Select(code => (char)code).Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\u0085')), '\uFFFE', '\uFFFF']);

    private readonly string _yaml;
    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly MistakeList _mistakes;

    private YamlComposer(string yaml, MistakeList mistakes)
    {
        _yaml = yaml;
        _scanner = new Scanner(new StringReader(yaml));
        _parser = new Parser(_scanner);
        _mistakes = mistakes;
    }

    /// <summary>The document's root, an empty file's being an empty mapping; null, with the mistake reported, when there is none to read.</summary>
    public static MappingNode? Compose(string yaml, MistakeList mistakes)
    {
        // YamlDotNet takes a zero for the end of the text and would leave out what follows it.
        int unprintable = yaml.AsSpan().IndexOfAny(_unprintable);
        if (unprintable >= 0)
        {
            int line = 1 + yaml.AsSpan(0, unprintable).Count('\n');
            mistakes.Add(line, "", $"is not YAML: the character U+{(int)yaml[unprintable]:X4} is not text");
            return null;
        }

        return new YamlComposer(yaml.TrimStart('\uFEFF'), mistakes).TryComposeDocument();
    }

    private MappingNode? TryComposeDocument()
    {
        try
        {
            return ComposeDocument();
        }
        catch (YamlException exception) when (LineIndentedWithTab(exception) is { } line)
        {
            ReportNotYaml(line, "a tab indents this line; indent with spaces");
        }
        catch (YamlException exception)
        {
            ReportNotYaml(LineOf(exception.Start), Quoting.OneLine(exception.Message).TrimEnd('.'));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or EndOfStreamException)
        {
            // Seen of YamlDotNet 16.3: a line in an open [ or { that is not indented, the tag '!!', brackets after it.
            ReportNotYaml(LineOf(_scanner.CurrentPosition), "this line does not fit; a '[' or '{' may be open above, whose lines must be indented");
        }
        return null;
    }

    private MappingNode? ComposeDocument()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _))
            return MappingNode.Empty(line: 1, path: "");

        YamlNode root = ComposeNode(path: "", depth: 0);
        _parser.Consume<DocumentEnd>();
        if (_parser.Accept<DocumentStart>(out var second))
            _mistakes.Add(LineOf(second.Start), "", "a second document starts here; a configuration is one document");

        switch (root)
        {
            case MappingNode mapping:
                return mapping;
            case ScalarNode { IsNull: true }:
                return MappingNode.Empty(root.Line, path: "");
            case RefusedNode:
                return null;
            default:
                _mistakes.Add(root.Line, "", $"is {root.Kind}; a configuration is a mapping such as 'listen: {{ port: 53 }}'");
                return null;
        }
    }

    private YamlNode ComposeNode(string path, int depth)
    {
        ParsingEvent node = _parser.Consume<ParsingEvent>();
        int line = LineOf(StartOf(node));
        if (depth > MaxDepth)
            throw new YamlException(node.Start, node.End, $"nested deeper than {MaxDepth} levels");

        if (node is NodeEvent { Anchor.IsEmpty: false })
            _mistakes.Add(line, path, "anchors (&) are not supported; write the value where it is used");
        if (node is NodeEvent { Tag.IsEmpty: false })
            _mistakes.Add(line, path, "tags (!) are not supported; write the value alone");

        switch (node)
        {
            case Scalar scalar:
                return new ScalarNode(line, path, scalar.Value, scalar.Style == ScalarStyle.Plain);
            case SequenceStart:
                return ComposeList(line, path, depth);
            case MappingStart:
                return ComposeMapping(line, path, depth);
            default:
                _mistakes.Add(line, path, "aliases (*) are not supported; write the value here");
                return new RefusedNode(line, path);
        }
    }

    private ListNode ComposeList(int line, string path, int depth)
    {
        List<YamlNode> items = [];
        while (!_parser.TryConsume<SequenceEnd>(out _))
            items.Add(ComposeNode($"{path}[{items.Count}]", depth + 1));
        return new ListNode(line, path, items);
    }

    private MappingNode ComposeMapping(int line, string path, int depth)
    {
        Dictionary<string, MappingEntry> entries = [];
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            YamlNode key = ComposeNode(path, depth + 1);
            string name = (key as ScalarNode)?.Text ?? "";
            YamlNode value = ComposeNode(KeyPath(path, name), depth + 1);

            if (key is not ScalarNode)
                _mistakes.Add(key.Line, path, $"{key.Kind} cannot be a key");
            else if (!entries.TryAdd(name, new(key.Line, value)))
                _mistakes.Add(key.Line, KeyPath(path, name), $"is given twice; the first is on line {entries[name].KeyLine}");
        }
        return new MappingNode(line, path, entries);
    }

    public static string KeyPath(string path, string key) =>
        path.Length == 0 ? Quoting.OneLine(key) : $"{path}.{Quoting.OneLine(key)}";

    private void ReportNotYaml(int line, string reason) => _mistakes.Add(line, "", $"is not YAML: {reason}");

    /// <summary>YamlDotNet says that a tab is wrong, and gives the line where what it was reading began.</summary>
    private int? LineIndentedWithTab(YamlException exception)
    {
        if (!exception.Message.Contains(" tab ", StringComparison.Ordinal))
            return null;
        string[] lines = _yaml.Split('\n');
        int index = Array.FindIndex(lines, LineOf(exception.Start) - 1, line => line.TrimStart(' ').StartsWith('\t'));
        return index < 0 ? null : index + 1;
    }

    /// <summary>A pair in a list, <c>[a: 1]</c>, begins nowhere to YamlDotNet; its key does.</summary>
    private Mark StartOf(ParsingEvent node) =>
        node is MappingStart && node.Start.Equals(Mark.Empty) && _parser.Accept<ParsingEvent>(out var key) ? key.Start : node.Start;

    private static int LineOf(Mark mark) => (int)mark.Line;
}
