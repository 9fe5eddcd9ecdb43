using System.Net;

namespace Agent.Dns.Tests.Support;

/// <summary>A resolver with pods that have search lists, and an upstream that answers what it forwards.</summary>
internal sealed class WalkingPods
{
    public const string Default = "default.svc.cluster.local svc.cluster.local cluster.local corp.test";

    private readonly ServingCounters _counters = new();
    private readonly PublishedNames _cluster = new();
    private readonly Resolver _resolver;
    private readonly Dictionary<ClientAddress, SearchList> _lists = [];
    private readonly byte[] _reply = new byte[ushort.MaxValue];
    private readonly bool _isUdp;

    public WalkingPods(bool isUdp = true, OwnNames? own = null)
    {
        _isUdp = isUdp;
        PublishedRules rules = new(new ServingRules(null, own, Steps.Limits));
        _resolver = new Resolver(Cache, _counters, isUdp, rules, _cluster);
        Table = new ClusterTable(isAuthoritative: false).Namespace("default");
        Publish();
    }

    public ResponseCache Cache { get; } = new(4 << 20, TimeSpan.FromHours(1));

    public ClusterTable Table { get; }

    public ServingCounters Counters => _counters;

    public long Now { get; set; }

    /// <summary>The upstream: what it answers to a question, as <c>type name</c>; what it does not have does not exist.</summary>
    public Dictionary<string, Func<string, ushort, CacheEntry>> Upstream { get; } = [];

    /// <summary>The questions that were forwarded, as <c>type name</c>.</summary>
    public List<string> Forwarded { get; } = [];

    public bool IsRefreshDue => _resolver.IsRefreshDue;

    /// <summary>The question that is to be renewed.</summary>
    public string Due { get; private set; } = "";

    /// <summary>Another thread's, on the same cache and cluster.</summary>
    public Resolver NewResolver() => new(Cache, new ServingCounters(), _isUdp, null, _cluster);

    public void Publish() => _cluster.Publish(Table.Names);

    public WalkingPods Pod(string address, string domains = Default, int ndots = 5)
    {
        _lists[ClientAddress.From(IPAddress.Parse(address).GetAddressBytes())] = new SearchList(domains.Split(' ').Select(MessageBuilder.Name), ndots);
        _cluster.PublishSearches(new SearchLists(_lists));
        return this;
    }

    public WalkingPods Has(string name, params string[] addresses)
    {
        foreach (ushort type in (ushort[])[T.A, T.Aaaa])
        {
            byte[][] ofType = [.. addresses.Select(text => IPAddress.Parse(text).GetAddressBytes()).Where(bytes => bytes.Length == (type == T.A ? 4 : 16))];
            Upstream[$"{type} {name}."] = (_, _) =>
            {
                MessageBuilder response = MessageBuilder.Response(name, type);
                foreach (byte[] bytes in ofType)
                    response.Answer(name, type, 60, bytes);
                return Steps.Entry(ofType.Length > 0 ? response : response.Soa(name, 60, 60), name, type, now: Now);
            };
        }

        return this;
    }

    /// <summary>A name that has records of the other type alone.</summary>
    public WalkingPods HasNo(string name, ushort type) => Says(name, type, () => Steps.Entry(MessageBuilder.Response(name, type).Soa(name, 60, 60), name, type, now: Now));

    /// <summary>The upstream fails for a name.</summary>
    public WalkingPods Fails(string name, ushort type) => Says(name, type, () => default);

    public WalkingPods Says(string name, ushort type, Func<CacheEntry> answer)
    {
        Upstream[$"{type} {name}."] = (_, _) => answer();
        return this;
    }

    /// <summary>Asks as a client would, and brings the resolver what it wants to know meanwhile.</summary>
    public OracleMessage Ask(string client, string name, ushort type = T.A, Func<MessageBuilder, MessageBuilder>? with = null)
    {
        MessageBuilder message = MessageBuilder.Query(name, type);
        byte[] address = IPAddress.Parse(client).GetAddressBytes();
        int length = _resolver.Answer((with?.Invoke(message) ?? message).Build(), Now, _reply, out Query query, address);
        Due = length != Resolver.Forward && _resolver.IsRefreshDue ? TextOf(_resolver.DueOf(query).Key) : "";
        for (int asked = 0; length == Resolver.Forward; asked++)
        {
            Assert.True(asked < 20, $"{name} asks without end: {string.Join(", ", Forwarded)}");
            byte[] key = query.Key.ToArray();
            string question = TextOf(key);
            Forwarded.Add(question);
            CacheEntry entry = Upstream.TryGetValue(question, out Func<string, ushort, CacheEntry>? answer) ? answer(name, type) : NxDomain(question);
            if (entry.IsNone)
                Cache.StoreFailure(key, Now);
            else
                Cache.Store(key, entry);
            Query restored = Query.Restore(query.Head.ToArray(), key, query.Fields with { KeyLength = (ushort)key.Length }) with { Client = ClientAddress.From(address) };
            length = _resolver.AnswerWith(entry, ref restored, Now, _reply);
            query = restored;
        }

        Assert.True(length > 0, $"no reply: {length}");
        Assert.True(MessageBuilder.Name(name.ToLowerInvariant()).AsSpan().SequenceEqual(query.Name), $"{name}, but the query is for {DnsName.ToText(query.Name)}");
        Assert.True(!_isUdp || length <= 1232);
        return OracleMessage.Decode(_reply.AsSpan(0, length));
    }

    /// <summary>The answer in one line: <c>NXDOMAIN</c>, <c>NODATA</c>, <c>SERVFAIL</c>, or the data of the answers in order.</summary>
    public string Text(string client, string name, ushort type = T.A)
    {
        OracleMessage reply = Ask(client, name, type);
        if (reply.Rcode != 0)
            return reply.Rcode == 3 ? "NXDOMAIN" : "SERVFAIL";
        return reply.Answers.Count == 0 ? "NODATA" : string.Join(' ', reply.Answers.Select(ClusterTable.Text));
    }

    private static string TextOf(ReadOnlySpan<byte> key) => $"{(key[^2] << 8) | key[^1]} {DnsName.ToText(key[..^5])}";

    private CacheEntry NxDomain(string question)
    {
        string[] parts = question.Split(' ');
        string name = parts[1].TrimEnd('.');
        return Steps.NxDomainEntry(name, name[(name.LastIndexOf('.') + 1)..], ttl: 30, now: Now, type: ushort.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture));
    }
}
