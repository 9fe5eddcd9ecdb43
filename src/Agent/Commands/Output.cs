using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Agent.Commands;

/// <summary>What commands print: tables for people, JSON or YAML with the same keys for programs.</summary>
internal static class Output
{
    public const string Table = "table";

    public const string Json = "json";
    private const string Yaml = "yaml";

    /// <summary>The option that each command which prints data has.</summary>
    public static Option<string> CreateOption() => new Option<string>("--output", "-o")
    {
        Description = "table for people, json or yaml for programs",
        HelpName = "table|json|yaml",
        DefaultValueFactory = _ => Table,
    }.AcceptOnlyFromAmong(Table, Json, Yaml);

    /// <summary>Prints a value in the format that was asked for; as a table by <paramref name="table"/>, which also gives the exit status.</summary>
    public static int Show<T>(string format, T value, JsonTypeInfo<T> type, Func<T, int> table)
    {
        if (format == Table)
            return table(value);
        Write(format, value, type);
        return ExitStatus.Done;
    }

    /// <param name="format">Not <see cref="Table"/>.</param>
    public static void Write<T>(string format, T value, JsonTypeInfo<T> type) =>
        Console.Write(format == Yaml ? ToYaml(JsonSerializer.SerializeToElement(value, type)) : $"{JsonSerializer.Serialize(value, type)}\n");

    /// <summary>JSON as YAML.</summary>
    public static string ToYaml(JsonElement json)
    {
        StringWriter text = new();
        Emitter emitter = new(text, EmitterSettings.Default.WithIndentedSequences());
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, json);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Emit(Emitter emitter, JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                emitter.Emit(new MappingStart());
                foreach (JsonProperty property in json.EnumerateObject())
                {
                    emitter.Emit(new Scalar(property.Name));
                    Emit(emitter, property.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                bool isEmpty = json.GetArrayLength() == 0;
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, isEmpty ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (JsonElement item in json.EnumerateArray())
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                // In quotes, so that no text is taken for a number, a truth or nothing.
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, json.GetString()!, ScalarStyle.DoubleQuoted, isPlainImplicit: false, isQuotedImplicit: true));
                break;
            default:
                emitter.Emit(new Scalar(json.GetRawText()));
                break;
        }
    }
}
