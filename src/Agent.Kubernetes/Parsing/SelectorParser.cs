using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

internal static class SelectorParser
{
    /// <summary>
    /// A LabelSelector (<c>matchLabels</c>, <c>matchExpressions</c>), or labels alone, as a pod's <c>nodeSelector</c> is
    /// written: the two cannot be confused, because a label's value is text.
    /// </summary>
    /// <param name="json">Stands on the property whose value is the selector.</param>
    public static LabelSelector? Parse(ref Utf8JsonReader json, StringPool strings)
    {
        if (!json.EnterObject())
            return null;

        List<LabelRequirement> requirements = [];
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("matchLabels"u8))
            {
                foreach ((string key, string value) in SmallMap.Parse(ref json, strings) ?? Metadata.NoEntries)
                    requirements.Add(Equal(key, value));
            }
            else if (json.ValueTextEquals("matchExpressions"u8))
                ParseExpressions(ref json, strings, requirements);
            else
            {
                string key = strings.Get(ref json);
                if (json.Text(strings) is { } value)
                    requirements.Add(Equal(key, value));
            }
        }
        return new LabelSelector([.. requirements]);
    }

    private static void ParseExpressions(ref Utf8JsonReader json, StringPool strings, List<LabelRequirement> requirements)
    {
        if (!json.EnterArray())
            return;
        while (json.NextObject())
        {
            LabelRequirement requirement = new("", "", []);
            while (json.NextProperty())
            {
                if (json.ValueTextEquals("key"u8))
                    requirement = requirement with { Key = Plain(json.Text(strings) ?? "") };
                else if (json.ValueTextEquals("operator"u8))
                    requirement = requirement with { Operator = json.Text(strings) ?? "" };
                else if (json.ValueTextEquals("values"u8))
                    requirement = requirement with { Values = [.. json.Texts(strings)] };
                else
                    json.SkipValue();
            }
            requirements.Add(requirement);
        }
    }

    private static LabelRequirement Equal(string key, string value) => new(Plain(key), "In", [value]);

    // Cilium's selectors may say where a label comes from. A label key of Kubernetes itself holds no colon.
    private static string Plain(string key) => key[(key.IndexOf(':') + 1)..];
}
