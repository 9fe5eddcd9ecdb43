using System.Globalization;
using System.Text;

namespace Agent.Observability.Flows;

/// <summary>Flows as lines. All that comes from outside is escaped, so that no name and no process takes hold of a terminal (A19).</summary>
internal static class FlowText
{
    /// <summary>What a printable line does not have, as <c>\DDD</c>.</summary>
    public static string Escape(string text)
    {
        if (text.All(IsPlain))
            return text;
        StringBuilder escaped = new();
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            if (IsPlain((char)value))
                escaped.Append((char)value);
            else
                escaped.Append('\\').Append(value.ToString("D3", CultureInfo.InvariantCulture));
        }

        return escaped.ToString();

        static bool IsPlain(char c) => c is >= ' ' and < '\x7F' and not '\\' and not '"';
    }

    /// <summary>One line for people, with the time of day.</summary>
    public static string Compact(Flow flow)
    {
        string time = flow.Time.ToLocalTime().ToString("HH:mm:ss.ffffff", CultureInfo.InvariantCulture);
        return flow.Source switch
        {
            Flow.LostFlows => $"{time}  {LossOf(flow)}",
            Flow.Kernel => $"{time}  {WhoOf(flow)}  {flow.Frontend} -> {flow.Target ?? "unchanged"}  {flow.Verdict}  {flow.Process}[{flow.ProcessId}]",
            _ => $"{time}  {WhoOf(flow)}  {flow.Name ?? "?"} {flow.Type ?? "?"}  {flow.Verdict}  {flow.Rcode ?? "silence"}  {LatencyOf(flow)}  {flow.Protocol}{AddressesOf(flow)}",
        };
    }

    /// <summary>
    /// The line that CoreDNS's <c>log</c> plugin writes; null of a flow that it has none for. Sizes are those on the wire.
    /// </summary>
    public static string? CoreDns(Flow flow)
    {
        if (flow.Source == Flow.LostFlows)
            return $"[WARNING] {LossOf(flow)}";
        if (flow.Message is not { } message)
            return null;
        string question = $"{flow.Type ?? "-"} {flow.Class ?? "-"} {flow.Name ?? "."}";
        string duration = ((decimal)(flow.LatencyMicroseconds ?? 0) / 1_000_000).ToString("0.#########", CultureInfo.InvariantCulture);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[INFO] {flow.Client} - {message.Id} \"{question} {flow.Protocol} {message.QuerySize} {(message.DnssecOk ? "true" : "false")} {message.BufferSize}\" {flow.Rcode ?? "-"} {message.Flags ?? "-"} {message.ReplySize} {duration}s");
    }

    private static string LossOf(Flow flow) => $"{flow.Lost} flow(s) lost: there were more than could be passed on";

    private static string WhoOf(Flow flow) => flow.Pod ?? flow.Client ?? flow.Cgroup ?? "?";

    private static string LatencyOf(Flow flow)
    {
        double microseconds = flow.LatencyMicroseconds ?? 0;
        return microseconds < 1000
            ? string.Create(CultureInfo.InvariantCulture, $"{microseconds:0.#}us")
            : string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1000:0.0}ms");
    }

    private static string AddressesOf(Flow flow) => flow.Addresses is { } addresses ? $"  {string.Join(',', addresses)}" : "";
}
