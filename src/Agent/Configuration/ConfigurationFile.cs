using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Agent.Configuration;

/// <summary>Reads the agent's one configuration file and validates it as a whole.</summary>
/// <remarks>
/// A file that is empty, or holds comments alone, is read like one that gives every default; it is then refused
/// because the redirect is on and has no frontend. The smallest valid file is <c>redirect: { enabled: false }</c>.
/// </remarks>
public static class ConfigurationFile
{
    /// <summary>A configuration is a page of text; more than this many bytes is some other file.</summary>
    public const int MaxBytes = 1 << 20;

    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>True when the file holds no mistake. Wrong input of any kind gives mistakes and never an exception.</summary>
    /// <param name="path">A file or a pipe; repeated in the mistakes as it is given.</param>
    /// <param name="configuration">Null when there are mistakes.</param>
    /// <param name="mistakes">All that could be found, in the order of the file.</param>
    public static bool TryRead(string path, [NotNullWhen(true)] out AgentConfiguration? configuration, out IReadOnlyList<ConfigurationMistake> mistakes)
    {
        AgentConfiguration? draft = ReadDraft(path, out mistakes);
        configuration = mistakes.Count == 0 ? draft : null;
        return configuration is not null;
    }

    /// <summary>Reads what can be read of a file, for who wants to ask the agent that went by it before it had mistakes.</summary>
    /// <returns>In place of each wrong value its default, and all of them where the text is no YAML; null when the file itself cannot be read.</returns>
    /// <inheritdoc cref="TryRead" path="/param"/>
    public static AgentConfiguration? ReadDraft(string path, out IReadOnlyList<ConfigurationMistake> mistakes)
    {
        MistakeList found = new(path);
        AgentConfiguration? draft = ReadText(path, found) is { } yaml ? Parse(yaml, found) : null;
        mistakes = found.InFileOrder();
        return draft;
    }

    /// <summary>Like <see cref="TryRead"/>, of text that is at hand.</summary>
    /// <param name="file">What the mistakes name as the file.</param>
    public static bool TryParse(string yaml, string file, [NotNullWhen(true)] out AgentConfiguration? configuration, out IReadOnlyList<ConfigurationMistake> mistakes)
    {
        MistakeList found = new(file);
        AgentConfiguration draft = Parse(yaml, found);
        mistakes = found.InFileOrder();
        configuration = mistakes.Count == 0 ? draft : null;
        return configuration is not null;
    }

    private static AgentConfiguration Parse(string yaml, MistakeList mistakes)
    {
        if (YamlComposer.Compose(yaml, mistakes) is not { } root)
            return new AgentConfiguration();
        List<Setting> settings = [];
        AgentConfiguration configuration = MappingReader.Read(root, mistakes, settings, Sections.Root);
        return configuration with { Settings = settings };
    }

    private static string? ReadText(string path, MistakeList mistakes)
    {
        byte[] bytes;
        try
        {
            bytes = ReadBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            mistakes.Add(0, "", WhyUnreadable(path, exception));
            return null;
        }

        if (bytes.Length > MaxBytes)
        {
            mistakes.Add(0, "", $"is larger than {MaxBytes >> 20} MiB: not a configuration file");
            return null;
        }

        try
        {
            return _strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException exception)
        {
            int line = 1 + bytes.AsSpan(0, exception.Index).Count((byte)'\n');
            mistakes.Add(line, "", "is not UTF-8 text");
            return null;
        }
    }

    /// <summary>At most one byte more than <see cref="MaxBytes"/>, so that a pipe or a device ends too.</summary>
    private static byte[] ReadBytes(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        byte[] buffer = new byte[MaxBytes + 1];
        return buffer[..file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)];
    }

    public static string WhyUnreadable(string path, Exception exception)
    {
        if (Directory.Exists(path))
            return "is a directory; name the file in it";
        return exception switch
        {
            FileNotFoundException or DirectoryNotFoundException => "there is no such file",
            UnauthorizedAccessException => $"may not be read by user {Environment.UserName}",
            _ => $"cannot be read: {Quoting.OneLine(exception.Message)}",
        };
    }
}
