using System.Text.Json;
using Agent.Kubernetes.Parsing;

namespace Agent.Kubernetes.Watching;

internal enum WatchEventKind
{
    /// <summary>ADDED and MODIFIED, which a resumed watch does not tell apart reliably.</summary>
    Stored,
    Deleted,
    Bookmark,

    /// <summary>A type that this client does not know, or an object without a name.</summary>
    Ignored,
}

internal readonly record struct WatchEvent<T>(WatchEventKind Kind, T? Object, string ResourceVersion) where T : KubernetesObject;

/// <summary>Splits the stream of a watch into its lines, of which each is one event.</summary>
internal sealed class WatchReader<T>(Stream body, ObjectParser<T> parse, StringPool strings) where T : KubernetesObject
{
    // Most of the time a watch is idle: its buffer is small, and grows for a large object only.
    private const int BufferSize = 16 << 10;

    private readonly StreamBuffer _buffer = new(body, BufferSize);

    /// <summary>Waits for events and adds all that have come. False at the end of the stream; half a line there is lost, and sent again after the resume.</summary>
    /// <exception cref="ApiException">The server sent an ERROR event.</exception>
    /// <exception cref="JsonException">A line is no event; those before it have been added.</exception>
    public async ValueTask<bool> Read(List<WatchEvent<T>> events, TimeSpan patience, CancellationToken stop)
    {
        while (events.Count == 0)
        {
            int scanned = _buffer.Unused.Length;
            if (!await _buffer.ReadSome(patience, stop).ConfigureAwait(false))
                return false;
            TakeLines(events, scanned);
        }
        return true;
    }

    private void TakeLines(List<WatchEvent<T>> events, int scanned)
    {
        while (_buffer.Unused[scanned..].IndexOf((byte)'\n') is >= 0 and int found)
        {
            ReadOnlySpan<byte> line = _buffer.Unused[..(scanned + found)];
            if (line.Trim((byte)'\r').Length > 0)
                events.Add(Parse(line));
            _buffer.Use(line.Length + 1);
            scanned = 0;
        }
    }

    private WatchEvent<T> Parse(ReadOnlySpan<byte> line)
    {
        string type = "";
        (int start, int end) = (0, 0);
        Utf8JsonReader json = JsonFields.Open(line);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("type"u8))
                type = json.Text(strings) ?? "";
            else if (json.ValueTextEquals("object"u8))
            {
                json.Read();
                start = (int)json.TokenStartIndex;
                json.Skip();
                end = (int)json.BytesConsumed;
            }
            else
                json.SkipValue();
        }
        return end > 0 && type.Length > 0 ? Parse(type, line[start..end]) : throw new JsonException("a line of the watch is no event");
    }

    private WatchEvent<T> Parse(string type, ReadOnlySpan<byte> content)
    {
        switch (type)
        {
            case "ADDED" or "MODIFIED" when parse(content, strings) is { } stored:
                return new(WatchEventKind.Stored, stored, stored.ResourceVersion);
            case "DELETED" when parse(content, strings) is { } deleted:
                return new(WatchEventKind.Deleted, deleted, deleted.ResourceVersion);
            case "BOOKMARK":
                return new(WatchEventKind.Bookmark, null, BareParser.Parse(content, strings).ResourceVersion);
            case "ERROR":
                throw StatusParser.Parse(content, System.Net.HttpStatusCode.InternalServerError);
            default:
                return new(WatchEventKind.Ignored, null, "");
        }
    }
}
