using System.Globalization;
using System.Text.Json;
using Agent.Kubernetes;

namespace Agent.Cluster.Policies;

/// <summary>One write to the status of a policy: only what this node has to say.</summary>
internal sealed record PolicyStatusChange(string Node)
{
    /// <summary>The whole list, others' too, because a merge patch replaces lists whole; null: as they are.</summary>
    public IReadOnlyList<Condition>? Conditions { get; init; }

    public bool ChangesReport { get; init; }

    /// <summary>Null: this node is taken out.</summary>
    public NodeReport? Report { get; init; }

    public bool ClearsNodes { get; init; }

    /// <summary>A merge patch (RFC 7396). It names no resourceVersion, so another node's write in between is no conflict.</summary>
    public byte[] ToMergePatch()
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteStartObject("status");
            WriteConditions(json);
            if (ClearsNodes)
                json.WriteNull("nodes");
            else if (ChangesReport)
                WriteReport(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private void WriteConditions(Utf8JsonWriter json)
    {
        if (Conditions == null)
            return;
        json.WriteStartArray("conditions");
        foreach (Condition condition in Conditions)
        {
            json.WriteStartObject();
            json.WriteString("type", condition.Type);
            json.WriteString("status", condition.Status);
            json.WriteString("reason", condition.Reason);
            json.WriteString("message", condition.Message);
            json.WriteNumber("observedGeneration", condition.ObservedGeneration);
            json.WriteString("lastTransitionTime", condition.LastTransition.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteReport(Utf8JsonWriter json)
    {
        json.WriteStartObject("nodes");
        if (Report == null)
            json.WriteNull(Node);
        else
        {
            json.WriteStartObject(Node);
            json.WriteNumber("frontends", Report.Frontends);
            json.WriteNumber("backends", Report.Backends);
            json.WriteNumber("observedGeneration", Report.ObservedGeneration);
            if (Report.Reason.Length > 0)
                json.WriteString("reason", Report.Reason);
            else
                json.WriteNull("reason");
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
