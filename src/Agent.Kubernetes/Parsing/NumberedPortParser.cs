using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>Name, number and protocol, which several kinds have under slightly different names.</summary>
internal static class NumberedPortParser
{
    /// <param name="json">Stands on the start of an object.</param>
    /// <param name="numberField"><c>port</c> or <c>containerPort</c>.</param>
    public static NumberedPort Parse(ref Utf8JsonReader json, StringPool strings, ReadOnlySpan<byte> numberField)
    {
        string? name = null, protocol = null;
        int number = 0;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("name"u8))
                name = json.Text(strings);
            else if (json.ValueTextEquals(numberField))
                number = json.Port();
            else if (json.ValueTextEquals("protocol"u8))
                protocol = json.Text(strings);
            else
                json.SkipValue();
        }
        return new(name ?? "", number, protocol ?? "TCP");
    }
}
