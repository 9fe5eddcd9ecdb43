using System.Globalization;
using System.Net;
using Agent.Cluster;
using Agent.Dns;
using Agent.Kubernetes;
using Agent.Tests.Support;

namespace Agent.Tests.Cluster;

/// <summary>Objects in few words, and questions to a table of their names.</summary>
internal static class NameObjects
{
    public const ushort Ptr = 12;
    public const ushort Srv = 33;

    public static ClusterZone Zone { get; } = new() { Domain = DnsName.FromText("cluster.local"), IsAuthoritative = true };

    /// <param name="ports"><c>http/TCP/80</c>, separated by blanks.</param>
    public static Service Service(string name, string clusterIPs, string ports = "http/TCP/80") => new()
    {
        Key = Key(name),
        ClusterIPs = Addresses(clusterIPs),
        Ports = [.. Split(ports).Select(port => port.Split('/')).Select(port => new ServicePort(port[0], int.Parse(port[2], CultureInfo.InvariantCulture), port[1], port[2]))],
    };

    public static Service Headless(string name) => new() { Key = Key(name), IsHeadless = true };

    /// <param name="name">Of the slice; before its first dash stands the Service: <c>web-1</c> in <c>default</c>.</param>
    /// <param name="endpoints"><c>10.244.1.5</c> or <c>db-0=10.244.1.5</c>, with <c>!</c> before it when it is not ready; separated by blanks.</param>
    public static EndpointSlice Slice(string name, string endpoints, string ports = "http/TCP/8080") => new()
    {
        Key = Key(name),
        ServiceName = name.Split('-', '.')[0],
        Ports = [.. Split(ports).Select(port => port.Split('/')).Select(port => new EndpointPort(port[0], int.Parse(port[2], CultureInfo.InvariantCulture), port[1]))],
        Endpoints = [.. Split(endpoints).Select(Endpoint)],
    };

    public static ObjectKey Key(string name) => new(name.Split('.')[1], name.Split('.')[0]);

    public static void Set(this NameTable table, Service service) => table.SetService(service.Key, service);

    public static void Set(this NameTable table, EndpointSlice slice) => table.SetSlice(slice.Key, slice);

    public static void Set(this NameTable table, Pod pod) => table.SetPod(pod.Key, pod);

    /// <summary>The data of the answers, <c>NXDOMAIN</c>, <c>NODATA</c>, or <c>forward</c>.</summary>
    public static string Ask(this NameTable table, string name, ushort type = RR.A)
    {
        byte[] message = DnsMessage.Query(name, type).ToBytes();
        byte[] reply = new byte[65535];
        Assert.True(Query.TryParse(message, new byte[Query.MaxKeyLength], out Query query));
        if (table.Current?.TryAnswer(query, reply, out int length) != true)
            return "forward";
        DnsMessage answer = DnsMessage.Parse(reply[..length]);
        if (answer.Answers.Count == 0)
            return answer.ResponseCode == 3 ? "NXDOMAIN" : "NODATA";
        return string.Join(' ', answer.Answers.Select(Text).Order(StringComparer.Ordinal));
    }

    private static string Text(ResourceRecord record) => record.Type switch
    {
        RR.A or RR.Aaaa => record.Address.ToString(),
        Srv => $"{(record.Data[4] << 8) | record.Data[5]},{DnsName.ToText(record.Data.AsSpan(6))}",
        _ => DnsName.ToText(record.Data),
    };

    private static string[] Split(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static IPAddress[] Addresses(string text) => [.. Split(text).Select(IPAddress.Parse)];

    private static Endpoint Endpoint(string text)
    {
        string[] parts = text.TrimStart('!').Split('=');
        return new Endpoint { Addresses = [IPAddress.Parse(parts[^1])], Hostname = parts.Length > 1 ? parts[0] : null, IsReady = !text.StartsWith('!') };
    }
}
