using System.Text;

namespace Agent.Configuration.Corefile;

/// <summary>Splits a Corefile into the words of its lines, as Caddy's files are read: blanks part words, quotes hold them together, # begins a comment.</summary>
internal static class CorefileLexer
{
    /// <summary>The lines that have words; a word in quotes may hold line ends.</summary>
    /// <exception cref="FormatException">A quote does not end.</exception>
    public static List<(int Line, List<string> Words)> Split(string text)
    {
        List<(int, List<string>)> lines = [];
        List<string> words = [];
        int line = 1;
        int begun = 1;
        for (int i = 0; i < text.Length;)
        {
            char c = text[i];
            if (c == '\n')
            {
                line++;
                i++;
                EndLine();
            }
            else if (char.IsWhiteSpace(c) || c == '\uFEFF')
            {
                i++;
            }
            else if (c == '#')
            {
                i = text.IndexOf('\n', i) is >= 0 and int end ? end : text.Length;
            }
            else
            {
                if (words.Count == 0)
                    begun = line;
                words.Add(c == '"' ? TakeQuoted(text, ref i, ref line) : TakeWord(text, ref i));
            }
        }

        EndLine();
        return lines;

        void EndLine()
        {
            if (words.Count > 0)
                lines.Add((begun, words));
            words = [];
        }
    }

    private static string TakeWord(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && !char.IsWhiteSpace(text[i]))
            i++;
        return text[start..i];
    }

    private static string TakeQuoted(string text, ref int i, ref int line)
    {
        int begun = line;
        StringBuilder word = new();
        for (i++; i < text.Length && text[i] != '"'; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] == '"')
                i++;
            line += text[i] == '\n' ? 1 : 0;
            word.Append(text[i]);
        }

        if (i++ >= text.Length)
            throw new FormatException($"line {begun}: a quote does not end");
        return word.ToString();
    }
}
