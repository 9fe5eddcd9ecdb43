using Agent.Dns.Tests.Support;
using static Agent.Dns.Tests.Support.ClusterTable;

namespace Agent.Dns.Tests;

public class ClusterVersionTests
{
    [Fact]
    public void A_look_up_allocates_nothing()
    {
        ClusterTable table = new ClusterTable(isAuthoritative: true).Namespace("default")
            .Service("web.default", "10.96.0.20 fd00::20", "http/tcp/80")
            .Headless("db.default", Slice("sql/tcp/5432", "db-0=10.244.1.5 10.244.1.6"), Slice("sql/tcp/5432", "db-0=fd00::5 db-0=10.244.1.5"))
            .Alias("in.default", "web.default.svc.cluster.local").Alias("out.default", "www.example.com");
        (string Name, ushort Type)[] asked =
        [
            ("WEB.default.svc.cluster.local", T.A), ("db.default.svc.cluster.local", T.A), ("db-0.db.default.svc.cluster.local", T.Aaaa),
            ("_sql._tcp.db.default.svc.cluster.local", T.Srv), ("5.1.244.10.in-addr.arpa", T.Ptr), ("in.default.svc.cluster.local", T.A),
            ("out.default.svc.cluster.local", T.A), ("none.default.svc.cluster.local", T.A), ("1-2-3-4.default.pod.cluster.local", T.A),
            ("cluster.local", T.Soa), ("dns-version.cluster.local", T.Txt), ("www.example.com", T.A), ("9.9.9.9.in-addr.arpa", T.Ptr),
        ];
        byte[][] messages = [.. asked.Select(question => MessageBuilder.Query(question.Name, question.Type).Opt().Build())];
        ClusterNames names = table.Names;
        byte[] key = new byte[Query.MaxKeyLength];
        byte[] reply = new byte[1232];
        int answered = Ask();

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
            answered += Ask();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(51 * (messages.Length - 3), answered);

        int Ask()
        {
            int count = 0;
            foreach (byte[] message in messages)
            {
                Query.TryParse(message, key, out Query query);
                count += names.TryAnswer(query, reply, out _) ? 1 : 0;
            }

            return count;
        }
    }

    [Fact]
    public void P42_a_version_in_use_does_not_change_when_the_next_is_made()
    {
        ClusterTable table = new ClusterTable().Namespace("default").Service("web.default", "10.96.0.20").Service("old.default", "10.96.0.21");
        ClusterNames before = table.Names;
        table.Service("web.default", "10.96.0.99").Remove("old.default").Build();
        Assert.Equal("10.96.0.99", table.Ask("web.default.svc.cluster.local"));
        Assert.Equal("NXDOMAIN", table.Ask("old.default.svc.cluster.local"));
        byte[] reply = new byte[512];
        Query.TryParse(MessageBuilder.Query("web.default.svc.cluster.local").Build(), new byte[Query.MaxKeyLength], out Query query);
        Assert.True(before.TryAnswer(query, reply, out int length));
        Assert.Equal("10.96.0.20", Text(OracleMessage.Decode(reply.AsSpan(0, length)).Answers[0]));
    }

    [Fact]
    public void Nothing_is_told_of_the_first_version_and_of_one_without_changes()
    {
        ClusterTable table = new ClusterTable().Namespace("default").Service("web.default", "10.96.0.20", "http/tcp/80", Slice("http/tcp/80", "10.244.1.5"));
        Assert.Empty(table.Build());
        Assert.Empty(table.Build());
        Assert.Empty(table.Service("web.default", "10.96.0.20", "http/tcp/80", Slice("http/tcp/80", "10.244.1.5")).Build());
    }

    [Fact]
    public void A_new_Service_a_changed_one_and_one_that_goes_are_told_by_all_their_names()
    {
        ClusterTable table = new();
        table.Build();
        ClusterEndpoints slice = Slice("http/tcp/8080", "10.244.1.5");
        string[] names =
        [
            "10-244-1-5.web.default.svc.cluster.local.", "20.0.96.10.in-addr.arpa.", "5.1.244.10.in-addr.arpa.", "_http._tcp.web.default.svc.cluster.local.",
            "web.default.svc.cluster.local.",
        ];
        Assert.Equal(names.Select(name => "+" + name), table.Service("web.default", "10.96.0.20", "http/tcp/80", slice).Build());
        Assert.Equal(
            ["+21.0.96.10.in-addr.arpa.", "-20.0.96.10.in-addr.arpa.", .. names.Where(name => name[0] is '1' or '_' or 'w')],
            table.Service("web.default", "10.96.0.21", "http/tcp/80", slice).Build());
        Assert.Equal(["+6.1.244.10.in-addr.arpa.", "+x.web.default.svc.cluster.local."], table.Service("web.default", "10.96.0.21", "http/tcp/80", slice, Slice("http/tcp/8080", "x=10.244.1.6")).Build());
        Assert.Equal(8, table.Remove("web.default").Build().Count(change => change[0] == '-') + 1);
        Assert.Equal(["+default.pod.cluster.local.", "+default.svc.cluster.local."], table.Namespace("default").Build());
        Assert.Equal(["-default.pod.cluster.local.", "-default.svc.cluster.local."], table.Namespace("default", exists: false).Build());
    }

    [Theory]
    [InlineData("sql/tcp/5432", "sql/tcp/5433", "sql/tcp/5432", "sql/tcp/5433")] // another number
    [InlineData("sql/tcp/5432", "admin/tcp/80", "sql/tcp/5432", "admin/tcp/80")] // they change places
    public void Endpoints_whose_ports_alone_change_are_told(string first, string second, string firstThen, string secondThen)
    {
        ClusterTable table = new ClusterTable().Headless("db.default", Slice(first, "a=10.0.0.1"), Slice(second, "b=10.0.0.2"));
        table.Build();
        string[] told = [.. table.Headless("db.default", Slice(secondThen, "a=10.0.0.1"), Slice(firstThen, "b=10.0.0.2")).Build()];
        Assert.Contains("a.db.default.svc.cluster.local.", told);
        Assert.Contains("db.default.svc.cluster.local.", told);
        Assert.Contains("_sql._tcp.db.default.svc.cluster.local.", told);
    }

    [Fact]
    public void Readers_see_whole_versions_while_others_are_made()
    {
        // All addresses of one version end in the same byte.
        ClusterTable table = new ClusterTable().Headless("db.default", Slice("", "10.0.0.1 10.0.1.1 10.0.2.1"));
        ClusterNames current = table.Names;
        bool isDone = false;
        Thread[] readers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(Read))];
        string? mistake = null;
        foreach (Thread reader in readers)
            reader.Start();
        for (int i = 2; i < 250; i++)
        {
            table.Headless("db.default", Slice("", $"10.0.0.{i}"), Slice("", $"10.0.1.{i} 10.0.2.{i}")).Build();
            Volatile.Write(ref current, table.Names);
        }

        Volatile.Write(ref isDone, true);
        foreach (Thread reader in readers)
            reader.Join();
        Assert.Null(mistake);

        void Read()
        {
            byte[] reply = new byte[512];
            while (!Volatile.Read(ref isDone))
            {
                Query.TryParse(MessageBuilder.Query("db.default.svc.cluster.local").Build(), new byte[Query.MaxKeyLength], out Query query);
                if (!Volatile.Read(ref current).TryAnswer(query, reply, out int length))
                    mistake = "none";
                List<OracleRecord> answers = OracleMessage.Decode(reply.AsSpan(0, length)).Answers;
                if (answers.Count != 3 || answers.Select(answer => answer.RawData[3]).Distinct().Count() != 1)
                    mistake = string.Join(' ', answers.Select(Text));
            }
        }
    }

    [Theory]
    [InlineData(T.A)]
    [InlineData(T.Aaaa)]
    [InlineData(T.Srv)]
    [InlineData(T.Ptr)]
    [InlineData(T.Cname)]
    [InlineData(T.Txt)]
    [InlineData(T.Https)]
    [InlineData(T.Any)]
    public void The_cache_forgets_what_it_holds_for_one_name_of_all_types_that_are_asked_for(int type)
    {
        ResponseCache cache = new(1 << 20, TimeSpan.FromDays(1));
        byte[] message = MessageBuilder.Query("new.default.svc.cluster.local", (ushort)type).Opt(flags: 0x8000).Build();
        Query.TryParse(message, new byte[Query.MaxKeyLength], out Query asked);
        Query.TryParse(MessageBuilder.Query("other.default.svc.cluster.local", (ushort)type).Build(), new byte[Query.MaxKeyLength], out Query other);
        foreach (byte[] key in (byte[][])[asked.Key.ToArray(), other.Key.ToArray()])
            cache.StoreFailure(key, now: 0);
        cache.Remove(MessageBuilder.Name("new.default.svc.cluster.local"));
        byte[] reply = new byte[512];
        Assert.False(cache.TryAnswer(asked, cache.NameHash(asked), now: 1, reply, out _, out _));
        Assert.True(cache.TryAnswer(other, cache.NameHash(other), now: 1, reply, out _, out _));
    }

    [Fact]
    public void The_cache_forgets_that_a_name_did_not_exist()
    {
        ResponseCache cache = new(1 << 20, TimeSpan.FromDays(1));
        cache.Store(Support.Steps.Key("new.test"), Support.Steps.NxDomainEntry("new.test", "test"));
        Assert.Equal(1, cache.Count);
        cache.Remove(MessageBuilder.Name("new.test"));
        Assert.Equal(0, cache.Count);
    }
}
