using System.Text.Json;
using Agent.Kubernetes.Parsing;

namespace Agent.Kubernetes.Watching;

/// <summary>Reads one page of a list object by object, so that no page is in memory as a whole, whatever the order of its fields.</summary>
internal sealed class ListReader<T>(ObjectParser<T> parse, StringPool strings, Action<T> found) where T : KubernetesObject
{
    private const int BufferSize = 64 << 10;

    private JsonReaderState _state = JsonFields.NewState();
    private Place _place = Place.Start;

    private enum Place
    {
        Start,
        List,
        Items,
        End,
    }

    /// <summary><c>resourceVersion</c> and <c>continue</c> of the list.</summary>
    public Metadata Metadata { get; private set; } = new();

    /// <exception cref="JsonException">It is no list, or not all of one.</exception>
    public async Task Read(Stream body, CancellationToken stop)
    {
        StreamBuffer buffer = new(body, BufferSize);
        bool more = true;
        while (more)
        {
            more = await buffer.Fill(ApiClient.Patience, stop).ConfigureAwait(false);
            buffer.Use(Scan(buffer.Unused));
        }
        if (_place != Place.End || Metadata.ResourceVersion.Length == 0)
            throw new JsonException("the list from the API server is not complete");
    }

    /// <returns>How many bytes are done with.</returns>
    private int Scan(ReadOnlySpan<byte> bytes)
    {
        Utf8JsonReader json = new(bytes, isFinalBlock: false, _state);
        Utf8JsonReader done = json;
        while (_place != Place.End && TryStep(ref json, bytes))
            done = json;

        _state = done.CurrentState;
        return (int)done.BytesConsumed;
    }

    /// <summary>One field of the list, or one item; false when the bytes end within it.</summary>
    private bool TryStep(ref Utf8JsonReader json, ReadOnlySpan<byte> bytes)
    {
        if (!json.Read())
            return false;
        switch (_place)
        {
            case Place.Start:
                _place = json.TokenType == JsonTokenType.StartObject ? Place.List : throw new JsonException("not a list");
                return true;
            case Place.List when json.TokenType == JsonTokenType.EndObject:
                _place = Place.End;
                return true;
            case Place.List:
                return TryField(ref json, bytes);
            case Place.Items when json.TokenType == JsonTokenType.EndArray:
                _place = Place.List;
                return true;
            default:
                return TryItem(ref json, bytes);
        }
    }

    private bool TryField(ref Utf8JsonReader json, ReadOnlySpan<byte> bytes)
    {
        bool isItems = json.ValueTextEquals("items"u8), isMetadata = json.ValueTextEquals("metadata"u8);
        int name = (int)json.TokenStartIndex;
        if (!json.Read())
            return false;
        if (isItems && json.TokenType == JsonTokenType.StartArray)
        {
            _place = Place.Items;
            return true;
        }
        if (!json.TrySkip())
            return false;
        if (isMetadata)
            Metadata = BareParser.Parse((byte[])[(byte)'{', .. bytes[name..(int)json.BytesConsumed], (byte)'}'], strings);
        return true;
    }

    private bool TryItem(ref Utf8JsonReader json, ReadOnlySpan<byte> bytes)
    {
        int start = (int)json.TokenStartIndex;
        if (!json.TrySkip())
            return false;
        if (parse(bytes[start..(int)json.BytesConsumed], strings) is { } item)
            found(item);
        return true;
    }
}
