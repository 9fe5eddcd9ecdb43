using Agent.Dns;
using Agent.Dns.Tests.Support;

namespace Agent.Fuzz;

/// <summary>The product's parts as the targets use them: the one place that makes them.</summary>
internal static class Subject
{
    public static readonly CacheLimits Limits = new(MinTtl: 5, MaxTtl: 3600, MaxNegativeTtl: 1800);

    public static Resolver Resolver(ResponseCache cache, bool isUdp) => new(cache, new ServingCounters(), isUdp);

    /// <summary>Large enough that no answer is too large for it.</summary>
    public static ResponseCache Cache() => new(16 << 20, TimeSpan.FromHours(1));

    public static byte[] Key(string name, ushort type, KeyFlags flags = KeyFlags.None) =>
        [.. MessageBuilder.Name(name.ToLowerInvariant()), 0, 1, (byte)flags, (byte)(type >> 8), (byte)type];

    /// <summary>Fills a cache with an answer, a long one, a negative one and a failure, for names that <see cref="Messages"/> asks.</summary>
    public static void Fill(ResponseCache cache, long now)
    {
        UpstreamResponse reader = new(Limits);
        void Store(MessageBuilder response, string name, ushort type)
        {
            byte[] key = Key(name, type);
            reader.Read(response.Build(), key, now, out CacheEntry entry);
            cache.Store(key, entry);
        }

        MessageBuilder addresses = MessageBuilder.Response("www.example.test").Answer("www.example.test", T.Cname, 3600, "web.example.test");
        for (int i = 0; i < 4; i++)
            addresses.Answer("web.example.test", T.A, 3600, 10, 0, 0, i);
        Store(addresses, "www.example.test", T.A);
        Store(MessageBuilder.Response("www.example.test", T.Txt).Answer("www.example.test", T.Txt, 3600, new byte[3000]), "www.example.test", T.Txt);
        Store(MessageBuilder.Response("example.test", T.Txt).Answer("example.test", T.Txt, 3600, new byte[600]), "example.test", T.Txt);
        Store(MessageBuilder.Response("cdn.other", T.A, rcode: 3).Soa("other", 3600, 3600), "cdn.other", T.A);
        cache.StoreFailure(Key("web.example.test", T.A), now);
    }

    /// <summary>A small number of what a reply looks like.</summary>
    public static int Shape(OracleMessage reply) =>
        (((((reply.Rcode * 4) + Math.Min(reply.Answers.Count, 3)) * 4 + Math.Min(reply.Authority.Count, 3)) * 2 + (reply.TC ? 1 : 0)) * 32)
        + (reply.Opt == null ? 0 : 1 + reply.ExtendedErrors.DefaultIfEmpty(-1).First());
}
