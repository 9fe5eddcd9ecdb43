using System.Collections;
using System.Globalization;
using System.Text;

namespace Agent.Configuration;

/// <summary>One value that holds, from the file or, where that names none, the default.</summary>
/// <param name="Path">As in <see cref="ConfigurationMistake"/>: <c>routes[0].zone</c>.</param>
/// <param name="Text">As YAML: a scalar, or a list in brackets.</param>
public sealed record Setting(string Path, string Text)
{
    private static readonly (long Bytes, string Name)[] _sizes = [(1L << 30, "GiB"), (1L << 20, "MiB"), (1L << 10, "KiB")];

    /// <summary>The settings as a configuration file.</summary>
    public static string ToYaml(IEnumerable<Setting> settings)
    {
        StringBuilder yaml = new();
        string[] before = [];
        foreach (Setting setting in settings)
        {
            string[] parts = setting.Path.Replace("[", ".[", StringComparison.Ordinal).Split('.');
            int shared = before.Zip(parts).TakeWhile(pair => pair.First == pair.Second).Count();
            bool isItem = false; // whether the line has the dash of a list's item already
            for (int i = shared; i < parts.Length; i++)
            {
                bool isIndex = parts[i].StartsWith('[');
                if (!isItem)
                    yaml.Append(' ', 2 * i);
                yaml.Append(isIndex ? "- " : i == parts.Length - 1 ? $"{parts[i]}: {setting.Text}\n" : $"{parts[i]}:\n");
                isItem = isIndex;
            }

            before = parts;
        }

        return yaml.ToString();
    }

    /// <summary>A scalar, in quotes unless nothing in it could mean something else.</summary>
    internal static string Scalar(string value)
    {
        bool isPlain = value.Length > 0 && char.IsAsciiLetterOrDigit(value[0]) && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        if (isPlain && value.ToUpperInvariant() is not "NULL")
            return value;
        return $"\"{string.Concat(value.Select(c => c is '"' or '\\' ? $"\\{c}" : char.IsControl(c) ? $"\\u{(int)c:X4}" : $"{c}"))}\"";
    }

    internal static string List(IEnumerable<ScalarNode> items) => ListOf(items.Select(item => item.Text));

    internal static string ListOf(IEnumerable<string> items) => $"[{string.Join(", ", items.Select(Scalar))}]";

    /// <summary>How a default would be written; null: it cannot be, it is that there is none.</summary>
    internal static string? Default(object? value) => value switch
    {
        null => null,
        string text => Scalar(text),
        IEnumerable items => ListOf(items.Cast<object>().Select(TextOf)),
        _ => Scalar(TextOf(value)),
    };

    private static string TextOf(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        "" => ".", // of the lists, only those of zones have an empty text: the root
        string text => text,
        long bytes => _sizes.Where(size => bytes > 0 && bytes % size.Bytes == 0).Select(size => $"{bytes / size.Bytes}{size.Name}").FirstOrDefault($"{bytes}"),
        TimeSpan time => DurationOf(time),
        ServerPolicy.RoundRobin => "round-robin",
        Enum name => name.ToString().ToLowerInvariant(),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    private static string DurationOf(TimeSpan time)
    {
        (double Amount, string Unit)[] ways = [(time.TotalHours, "h"), (time.TotalMinutes, "m"), (time.TotalSeconds, "s"), (time.TotalMilliseconds, "ms")];
        (double amount, string unit) = ways.First(way => way.Amount == Math.Floor(way.Amount) && (way.Amount >= 1 || way.Unit == "ms"));
        return string.Create(CultureInfo.InvariantCulture, $"{amount}{unit}");
    }
}
