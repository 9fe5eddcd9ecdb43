using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>A table that was written and read says what it said.</summary>
public class ClusterSnapshotTests
{
    private static readonly (string Name, ushort Type)[] _questions =
    [
        ("web.default.svc.cluster.local", T.A), ("web.default.svc.cluster.local", T.Aaaa), ("_http._tcp.web.default.svc.cluster.local", T.Srv),
        ("db.default.svc.cluster.local", T.A), ("db-0.db.default.svc.cluster.local", T.A), ("_sql._tcp.db.default.svc.cluster.local", T.Srv),
        ("late.default.svc.cluster.local", T.A), ("alias.default.svc.cluster.local", T.Cname), ("only.default.svc.cluster.local", T.A),
        ("1.1.96.10.in-addr.arpa", T.Ptr), ("5.1.244.10.in-addr.arpa", T.Ptr), ("9.1.244.10.in-addr.arpa", T.Ptr), ("10-244-1-7.default.pod.cluster.local", T.A),
        ("10-244-1-8.default.pod.cluster.local", T.A), ("default.svc.cluster.local", T.A), ("other.svc.cluster.local", T.A), ("cluster.local", T.Soa), ("none.default.svc.cluster.local", T.A),
    ];

    private static ClusterTable Table() => new ClusterTable(pods: PodNames.Verified)
        .Namespace("default").Namespace("kube-system").Pod("default", "10.244.1.7")
        .Service("web.default", "10.96.1.1 fd00::1", "http/tcp/80 /udp/53", ClusterTable.Slice("http/tcp/8080", "10.244.1.9"))
        .Headless("db.default", ClusterTable.Slice("sql/tcp/3306", "db-0=10.244.1.5 !db-1=10.244.1.6"), ClusterTable.Slice("sql/tcp/3306", "db-0=fd00::5"))
        .NotReadyToo("late.default", ClusterTable.Slice("", "!10.244.1.4"))
        .Alias("alias.default", "www.example.test")
        .Only("only.default", ClusterTable.Slice("x/tcp/1", "10.244.1.3"));

    private static byte[] Write(ClusterNames names)
    {
        using MemoryStream bytes = new();
        using (BinaryWriter writer = new(bytes))
            ClusterSnapshot.Write(names, writer);
        return bytes.ToArray();
    }

    private static ClusterNames Read(byte[] bytes)
    {
        ClusterZone zone = new()
        {
            Domain = MessageBuilder.Name("cluster.local"),
            Pods = PodNames.Verified,
            IsAuthoritative = true,
            DnsService = ClusterService.KeyOf("kube-dns", "kube-system"),
        };
        using BinaryReader reader = new(new MemoryStream(bytes));
        return ClusterSnapshot.Read(zone, reader);
    }

    private static string[] Answers(ClusterNames names) => [.. _questions.Select(question => Answer(names, question.Name, question.Type))];

    private static string Answer(ClusterNames names, string name, ushort type)
    {
        byte[] reply = new byte[65535];
        Assert.True(Query.TryParse(MessageBuilder.Query(name, type, 0).Opt().Build(), new byte[Query.MaxKeyLength], out Query query));
        return names.TryAnswer(query, reply, out int length) ? Convert.ToHexString(reply, 0, length) : "forward";
    }

    [Fact]
    public void Every_name_is_answered_byte_for_byte_as_before()
    {
        ClusterNames names = Table().Names;

        ClusterNames restored = Read(Write(names));

        Assert.Equal(Answers(names), Answers(restored));
        Assert.InRange(Answers(restored).Distinct().Count(), _questions.Length - 3, _questions.Length);
    }

    [Fact]
    public void An_empty_table_is_a_table() => Assert.Equal(Answers(new ClusterTable(pods: PodNames.Verified).Names), Answers(Read(Write(new ClusterTable(pods: PodNames.Verified).Names))));

    [Fact]
    public void Any_truncation_is_seen_and_any_flipped_bit_is_seen_or_gives_a_table_that_answers()
    {
        byte[] bytes = Write(Table().Names);
        for (int length = 0; length < bytes.Length; length++)
            Assert.Throws<EndOfStreamException>(() => Read(bytes[..length]));
        int tables = 0;
        for (int bit = 0; bit < 8 * bytes.Length; bit++)
        {
            byte[] damaged = [.. bytes];
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            try
            {
                Assert.Equal(_questions.Length, Answers(Read(damaged)).Length);
                tables++;
            }
            catch (Exception error) when (error is EndOfStreamException or FormatException)
            {
                // Seen.
            }
        }

        Assert.InRange(tables, 1, 8 * bytes.Length - 1);
    }

    [Fact]
    public void A_count_that_promises_what_is_not_there_costs_no_memory()
    {
        // One Service whose addresses are said to be two thousand million.
        byte[] absurd = [0, 0, 0, 0, 12, 3, .. "web"u8, 7, .. "default"u8, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<EndOfStreamException>(() => Read(absurd));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
