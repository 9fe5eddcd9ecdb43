using System.Globalization;
using System.Net;
using System.Text;

namespace Agent.Dns.Tests.Support;

/// <summary>A table of cluster names under test: what is set, and what it answers, in words.</summary>
internal sealed class ClusterTable
{
    public const string Domain = "cluster.local";

    private readonly ClusterNamesBuilder _builder;
    private readonly byte[] _reply = new byte[65535];
    private ClusterNames? _names;

    public ClusterTable(bool isAuthoritative = true, uint ttl = 5, PodNames pods = PodNames.Insecure, string domain = Domain)
    {
        _builder = new ClusterNamesBuilder(new ClusterZone
        {
            Domain = MessageBuilder.Name(domain),
            Ttl = ttl,
            Pods = pods,
            IsAuthoritative = isAuthoritative,
            DnsService = ClusterService.KeyOf("kube-dns", "kube-system"),
        });
    }

    public ClusterNames Names => _names ??= _builder.Build(serial: 1_700_000_000, out _);

    public ClusterTable Namespace(string name, bool exists = true)
    {
        _builder.SetNamespace(ClusterService.LabelOf(name), exists);
        return this;
    }

    public ClusterTable Pod(string @namespace, string address)
    {
        _builder.SetPod(ClusterService.LabelOf(@namespace), IPAddress.Parse(address).GetAddressBytes(), exists: true);
        return this;
    }

    /// <param name="name"><c>web.default</c></param>
    /// <param name="addresses">ClusterIPs, separated by blanks.</param>
    /// <param name="ports"><c>http/tcp/80</c>, separated by blanks; <c>/tcp/80</c> has no name.</param>
    public ClusterTable Service(string name, string addresses, string ports = "", params ClusterEndpoints[] slices) =>
        Set(name, ClusterServiceKind.ClusterIp, slices, addresses, ports);

    public ClusterTable Headless(string name, params ClusterEndpoints[] slices) => Set(name, ClusterServiceKind.Headless, slices);

    public ClusterTable NotReadyToo(string name, params ClusterEndpoints[] slices) => Set(name, ClusterServiceKind.Headless, slices, notReady: true);

    public ClusterTable Alias(string name, string target) => Set(name, ClusterServiceKind.ExternalName, [], target: target);

    public ClusterTable Only(string name, params ClusterEndpoints[] slices) => Set(name, ClusterServiceKind.None, slices);

    public ClusterTable Remove(string name) => Set(name, null);

    public ClusterTable Set(string name, ClusterService? service)
    {
        _builder.Set(Key(name), service);
        _names = null;
        return this;
    }

    /// <param name="endpoints"><c>10.244.1.5</c> or <c>db-0=10.244.1.5</c>, with <c>!</c> before it when it is not ready; separated by blanks.</param>
    public static ClusterEndpoints Slice(string ports, string endpoints) => new(Ports(ports), endpoints.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Endpoint));

    /// <summary>Builds the next version and tells what changed.</summary>
    public List<string> Build()
    {
        _names = _builder.Build(serial: 1_700_000_001, out IReadOnlyList<NameChange> changes);
        return [.. changes.Select(change => $"{(change.Existed ? "" : "+")}{(change.Exists ? "" : "-")}{DnsName.ToText(change.Name)}").Order(StringComparer.Ordinal)];
    }

    /// <summary>The reply; null when the question is for the upstreams.</summary>
    public OracleMessage? Reply(string name, ushort type = T.A, int id = 0, int room = 65535) =>
        Reply(MessageBuilder.Query(name, type, (ushort)id).Opt().Build(), room);

    public OracleMessage? Reply(byte[] message, int room = 65535)
    {
        Assert.True(Query.TryParse(message, new byte[Query.MaxKeyLength], out Query query));
        return Names.TryAnswer(query, _reply.AsSpan(0, room), out int length) ? OracleMessage.Decode(_reply.AsSpan(0, length)) : null;
    }

    /// <summary>The reply in one line: <c>forward</c>, <c>NXDOMAIN</c>, <c>NODATA</c>, or the answers in order, then <c>+</c> and the additional records.</summary>
    public string Ask(string name, ushort type = T.A, int id = 0)
    {
        if (Reply(name, type, id) is not { } reply)
            return "forward";
        Assert.True(reply.IsResponse && reply.AA && reply.RA && !reply.TC);
        if (reply.Answers.Count == 0)
        {
            OracleRecord soa = Assert.Single(reply.Authority);
            Assert.Equal(T.Soa, soa.Type);
            return reply.Rcode == 3 ? "NXDOMAIN" : "NODATA";
        }

        Assert.Equal(0, reply.Rcode);
        Assert.Empty(reply.Authority);
        Assert.All(reply.Answers.Where(record => record.Type == type), record => Assert.Equal(reply.Answers[^1].Owner, record.Owner));
        List<string> more = [.. reply.Additional.Where(record => record.Type != T.Opt).Select(record => $"{record.Owner}={Text(record)}").Order(StringComparer.Ordinal)];
        return string.Join(' ', [.. reply.Answers.Select(Text), .. more.Count > 0 ? ["+", .. more] : Array.Empty<string>()]);
    }

    public Detour? FindDetour(string name, ushort type = T.A)
    {
        Assert.True(Query.TryParse(MessageBuilder.Query(name, type).Build(), new byte[Query.MaxKeyLength], out Query query));
        return Names.FindDetour(query);
    }

    public static string Text(OracleRecord record) => record.Type switch
    {
        T.A or T.Aaaa => new IPAddress(record.RawData).ToString(),
        T.Srv => string.Join(',', Enumerable.Range(0, 3).Select(i => (record.RawData[2 * i] << 8) | record.RawData[2 * i + 1])) + $",{record.Data.Split(' ')[1]}",
        T.Txt => Encoding.ASCII.GetString(record.RawData, 1, record.RawData[0]),
        T.Soa => string.Join(' ', record.Data.Split(' ')[..2]) + Numbers(record.RawData.AsSpan(^20)),
        _ => record.Data.Split(' ')[0],
    };

    private static string Numbers(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        for (; bytes.Length > 0; bytes = bytes[4..])
            text.Append(CultureInfo.InvariantCulture, $" {System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes)}");
        return text.ToString();
    }

    private static byte[] Key(string name) => ClusterService.KeyOf(name.Split('.')[0], name.Split('.')[1]);

    private static ClusterPort[] Ports(string ports) =>
        [.. ports.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(port => port.Split('/')).Select(port =>
            new ClusterPort(Encoding.ASCII.GetBytes(port[0]), Encoding.ASCII.GetBytes(port[1]), ushort.Parse(port[2], CultureInfo.InvariantCulture)))];

    private static ClusterEndpoint Endpoint(string text)
    {
        string[] parts = text.TrimStart('!').Split('=');
        byte[] address = IPAddress.Parse(parts[^1]).GetAddressBytes();
        return new ClusterEndpoint(parts.Length > 1 ? Encoding.ASCII.GetBytes(parts[0]) : DashedAddress.ToLabel(address), address, !text.StartsWith('!'));
    }

    private ClusterTable Set(
        string name, ClusterServiceKind kind, ClusterEndpoints[] slices, string addresses = "", string ports = "", string target = "", bool notReady = false) =>
        Set(name, new ClusterService(Key(name), kind, notReady, slices)
        {
            Addresses = [.. addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(address => IPAddress.Parse(address).GetAddressBytes())],
            Ports = Ports(ports),
            Target = target.Length > 0 ? MessageBuilder.Name(target) : [],
        });
}
