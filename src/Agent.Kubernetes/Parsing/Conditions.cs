using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

internal static class Conditions
{
    /// <param name="json">Stands on the property <c>conditions</c>.</param>
    public static List<Condition> Parse(ref Utf8JsonReader json)
    {
        List<Condition> conditions = [];
        if (!json.EnterArray())
            return conditions;
        while (json.NextObject())
            conditions.Add(ParseOne(ref json));
        return conditions;
    }

    private static Condition ParseOne(ref Utf8JsonReader json)
    {
        Condition condition = new("", "", "", "");
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("type"u8))
                condition = condition with { Type = json.Text() ?? "" };
            else if (json.ValueTextEquals("status"u8))
                condition = condition with { Status = json.Text() ?? "" };
            else if (json.ValueTextEquals("reason"u8))
                condition = condition with { Reason = json.Text() ?? "" };
            else if (json.ValueTextEquals("message"u8))
                condition = condition with { Message = json.Text() ?? "" };
            else if (json.ValueTextEquals("observedGeneration"u8))
                condition = condition with { ObservedGeneration = json.Number() ?? 0 };
            else if (json.ValueTextEquals("lastTransitionTime"u8))
                condition = condition with { LastTransition = json.Time() ?? default };
            else
                json.SkipValue();
        }
        return condition;
    }
}
