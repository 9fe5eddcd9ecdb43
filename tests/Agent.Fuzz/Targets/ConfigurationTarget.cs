using System.Text.RegularExpressions;
using Agent.Configuration;

namespace Agent.Fuzz.Targets;

/// <summary>Text, to <see cref="ConfigurationFile"/>: README's example with edits, or anything.</summary>
internal static partial class ConfigurationTarget
{
    private static readonly string[] _example = ReadExample();

    private static readonly string[] _words =
    [
        "", "-", ":", "{", "}", "[", "]", "- ", "? ", "&a", "*a", "!!str", "|", ">", "'", "\"", "#", ",", "\t", "\0", "\uFEFF", "\uD800", "\u2028", "é", "---", "...", "%YAML 1.1",
        "<<", "null", "~", "true", "no", "0", "-1", "65536", "99999999999999999999", "1e9", "0x10", ".inf", "1h", "32MiB", "10.0.0.1", "10.0.0.1:53", "[::1]:53", "::", ".", "a..b",
        "clusterDomain", "listen", "addresses", "port", "workers", "admin", "socket", "redirect", "enabled", "frontends", "fallback", "routes", "zone", "servers",
        "resolvConf", "protocol", "udp", "tcp", "cache", "memory", "minTtl", "maxTtl", "serveStale", "kubernetes", "x",
    ];

    public static int Run(byte[] input)
    {
        Tape tape = new(input);
        string yaml = tape.OneIn(10) ? tape.Text(1 + tape.Below(120)) : Edited(tape);
        bool isValid = ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes);
        FuzzFailure.Unless(isValid == (mistakes.Count == 0) && isValid == read is not null, "a configuration or mistakes, never both or neither");
        int lines = LineEnd().Count(yaml) + 1;
        int way = 0;
        foreach (ConfigurationMistake mistake in mistakes)
        {
            FuzzFailure.Unless(mistake.Line >= 1 && mistake.Line <= lines + 1, $"'{mistake}' names line {mistake.Line} of {lines}");
            string text = mistake.ToString();
            FuzzFailure.Unless(text.Length <= 400 && !text.Any(char.IsControl), "a mistake is one short line");
            way = Math.Max(way, Kind(mistake.Message));
        }

        return way;
    }

    private static string Edited(Tape tape)
    {
        List<string> lines = [.. _example];
        for (int edits = tape.Below(6); edits > 0 && lines.Count > 0; edits--)
        {
            int at = tape.Below(lines.Count);
            switch (tape.Below(6))
            {
                case 0:
                    lines.RemoveAt(at);
                    break;
                case 1:
                    lines.Insert(tape.Below(lines.Count), lines[at]);
                    break;
                case 2:
                    lines[at] = new string(' ', tape.Below(6)) + lines[at].TrimStart();
                    break;
                case 3:
                    lines[at] = lines[at].Insert(tape.Below(lines[at].Length + 1), tape.OneOf(_words));
                    break;
                default:
                    MatchCollection words = Word().Matches(lines[at]);
                    if (words.Count > 0 && words[tape.Below(words.Count)] is { } word)
                        lines[at] = lines[at][..word.Index] + tape.OneOf(_words) + lines[at][(word.Index + word.Length)..];
                    break;
            }
        }

        return string.Join('\n', lines);
    }

    /// <summary>A number for the words of a message, without what it quotes.</summary>
    private static int Kind(string message)
    {
        int kind = 1;
        foreach (char letter in Quoted().Replace(message, ""))
            kind = char.IsAsciiLetter(letter) ? unchecked((kind * 31) + letter) & 0xFFFFFF : kind;
        return kind;
    }

    private static string[] ReadExample()
    {
        string[] readme = File.ReadAllLines(Path.Combine(Repository.Root, "README.md"));
        return [.. readme.SkipWhile(line => line != "```yaml").Skip(1).TakeWhile(line => line != "```")];
    }

    [GeneratedRegex(@"\r\n|[\n\r\u0085\u2028\u2029]")]
    private static partial Regex LineEnd();

    [GeneratedRegex(@"[\w./]+")]
    private static partial Regex Word();

    [GeneratedRegex("'[^']*'|\"[^\"]*\"")]
    private static partial Regex Quoted();
}
