using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>
/// Walks through objects of which few fields are wanted. A method named after a value reads the value of the property
/// that the reader stands on; a value of another type counts as absent, because the API server has validated what matters.
/// </summary>
internal static class JsonFields
{
    // metadata.managedFields and free-form custom resources nest deeper than the reader's default of 64.
    private static readonly JsonReaderOptions _deep = new() { MaxDepth = 1000 };

    /// <summary>A reader that stands on the first token of one complete value.</summary>
    public static Utf8JsonReader Open(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, _deep);
        reader.Read();
        return reader;
    }

    public static JsonReaderState NewState() => new(_deep);

    /// <summary>Stands on an object or one of its values; goes to the next property, or returns false at the object's end.</summary>
    public static bool NextProperty(this ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType == JsonTokenType.PropertyName;
    }

    public static bool NextItem(this ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType != JsonTokenType.EndArray;
    }

    /// <summary>Like <see cref="NextItem"/>, over items that are objects; others are left out.</summary>
    public static bool NextObject(this ref Utf8JsonReader json)
    {
        while (json.NextItem())
        {
            if (json.TokenType == JsonTokenType.StartObject)
                return true;
            json.Skip();
        }
        return false;
    }

    public static bool EnterObject(this ref Utf8JsonReader json) => json.Enter(JsonTokenType.StartObject);

    public static bool EnterArray(this ref Utf8JsonReader json) => json.Enter(JsonTokenType.StartArray);

    public static void SkipValue(this ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    /// <summary>For texts of which each occurs once: names, UIDs.</summary>
    public static string? Text(this ref Utf8JsonReader json) => json.Enter(JsonTokenType.String) ? json.GetString() : null;

    /// <summary>For texts that many objects share: namespaces, nodes, labels.</summary>
    public static string? Text(this ref Utf8JsonReader json, StringPool strings) => json.Enter(JsonTokenType.String) ? strings.Get(ref json) : null;

    /// <summary>The one field that is wanted of an object, of which the reader stands on the start.</summary>
    public static string? TextField(this ref Utf8JsonReader json, ReadOnlySpan<byte> field)
    {
        string? text = null;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals(field))
                text = json.Text();
            else
                json.SkipValue();
        }
        return text;
    }

    public static bool? Bool(this ref Utf8JsonReader json)
    {
        json.SkipValue();
        return json.TokenType switch { JsonTokenType.True => true, JsonTokenType.False => false, _ => null };
    }

    public static long? Number(this ref Utf8JsonReader json) =>
        json.Enter(JsonTokenType.Number) && json.TryGetInt64(out long value) ? value : null;

    /// <summary>A port, which some kinds write as a number and Cilium's as text; 0 when it is neither.</summary>
    public static int Port(this ref Utf8JsonReader json)
    {
        string text = json.NumberOrText() ?? "";
        return ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : 0;
    }

    /// <summary>An <c>IntOrString</c>.</summary>
    public static string? NumberOrText(this ref Utf8JsonReader json)
    {
        json.SkipValue();
        return json.TokenType switch
        {
            JsonTokenType.String => json.GetString(),
            JsonTokenType.Number => Encoding.UTF8.GetString(json.ValueSpan),
            _ => null,
        };
    }

    public static IPAddress? Address(this ref Utf8JsonReader json)
    {
        json.SkipValue();
        return json.AddressHere();
    }

    public static List<IPAddress> Addresses(this ref Utf8JsonReader json)
    {
        List<IPAddress> addresses = [];
        if (!json.EnterArray())
            return addresses;
        while (json.NextItem())
        {
            if (json.AddressHere() is { } address)
                addresses.Add(address);
            json.Skip();
        }
        return addresses;
    }

    public static List<string> Texts(this ref Utf8JsonReader json, StringPool strings)
    {
        List<string> texts = [];
        if (!json.EnterArray())
            return texts;
        while (json.NextItem())
        {
            if (json.TokenType == JsonTokenType.String)
                texts.Add(strings.Get(ref json));
            json.Skip();
        }
        return texts;
    }

    /// <summary>RFC 3339, as <c>metadata.creationTimestamp</c> is written.</summary>
    public static DateTimeOffset? Time(this ref Utf8JsonReader json) =>
        json.Enter(JsonTokenType.String) && json.TryGetDateTimeOffset(out DateTimeOffset time) ? time : null;

    private static IPAddress? AddressHere(this ref Utf8JsonReader json) =>
        json.TokenType == JsonTokenType.String && !json.ValueIsEscaped && IPAddress.TryParse(json.ValueSpan, out IPAddress? address) ? address : null;

    private static bool Enter(this ref Utf8JsonReader json, JsonTokenType wanted)
    {
        json.Read();
        if (json.TokenType == wanted)
            return true;
        json.Skip();
        return false;
    }
}
