using System.Text;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>
/// One string for each text that objects of a kind share. A fixed number of slots, of which a newer text takes
/// the older one's: bounded whatever a cluster holds. Used by one task at a time.
/// </summary>
internal sealed class StringPool
{
    private const int Slots = 1024;
    private const int MaxBytes = 80;

    private readonly string?[] _slots = new string?[Slots];

    /// <param name="json">Stands on a string or a property name.</param>
    public string Get(ref Utf8JsonReader json)
    {
        ReadOnlySpan<byte> text = json.ValueSpan;
        if (json.ValueIsEscaped || text.Length > MaxBytes)
            return json.GetString()!;

        HashCode hash = new();
        hash.AddBytes(text);
        ref string? slot = ref _slots[(uint)hash.ToHashCode() % Slots];
        // Ascii.Equals is false for whatever is not ASCII: such a text is then made anew each time.
        return slot is not null && Ascii.Equals(text, slot) ? slot : slot = Encoding.UTF8.GetString(text);
    }
}
