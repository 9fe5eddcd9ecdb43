using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>
/// P44: with and without shortcuts, both libcs and Go get the same for every name, whatever the steps of its walk have: four hundred worlds made at random,
/// asked cold and warm.
/// </summary>
public class AutopathModelTests
{
    private const string Pod = "10.244.1.2";
    private const string Stranger = "10.244.1.3"; // walks alike, and nothing is shortened for it
    private static readonly ushort[][] _families = [[T.A, T.Aaaa], [T.A], [T.Aaaa]];
    private static readonly string[] _names = ["web", "web.other", "www.outside.test", "a.b.c", "a.b.c.d.e", "one.two.three.four.five.six"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void P44_no_libc_can_tell_a_shortened_walk_from_its_own(int seed)
    {
        Random random = new(seed);
        int shortened = 0;
        for (int world = 0; world < 100; world++)
        {
            string[] domains = [.. WalkingPods.Default.Split(' ').Take(random.Next(1, 5))];
            int ndots = random.Next(1, 7);
            int number = random.Next();
            foreach (string name in _names)
            {
                foreach (ushort[] types in _families)
                    shortened += Compare(name, types, domains, ndots, number);
            }
        }

        Assert.True(shortened > 100, $"only {shortened} walks were shortened");
    }

    /// <returns>1 when walks were shortened.</returns>
    private static int Compare(string name, ushort[] types, string[] domains, int ndots, int number)
    {
        WalkingPods pods = World(name, domains, number).Pod(Pod, string.Join(' ', domains), ndots);
        WalkingPods others = World(name, domains, number);
        LibcModel own = new(domains, ndots, (step, type) => pods.Ask(Pod, step, type));
        LibcModel plain = new(domains, ndots, (step, type) => others.Ask(Stranger, step, type));
        for (int round = 0; round < 2; round++)
        {
            string told = $"{name} {string.Join('+', types)} along {string.Join(' ', domains)} ndots:{ndots} in world {number}, round {round}";
            Assert.Equal($"glibc {told}: {plain.Glibc(name, types)}", $"glibc {told}: {own.Glibc(name, types)}");
            Assert.Equal($"musl {told}: {plain.Musl(name, types)}", $"musl {told}: {own.Musl(name, types)}");
            Assert.Equal($"Go {told}: {plain.Go(name, types)}", $"Go {told}: {own.Go(name, types)}");
        }

        return own.Asked < plain.Asked ? 1 : 0;
    }

    /// <summary>What each step of a name's walk has, the same for the same number.</summary>
    private static WalkingPods World(string name, string[] domains, int number)
    {
        Random random = new(number);
        WalkingPods pods = new();
        int count = 0;
        foreach (string step in domains.Select(domain => $"{name}.{domain}").Append(name))
        {
            count++;
            string v4 = $"192.0.2.{count}";
            string v6 = $"2001:db8::{count}";
            switch (random.Next(14))
            {
                case 0:
                    pods.Has(step, v4, v6);
                    break;
                case 1:
                    pods.Has(step, v4);
                    break;
                case 2:
                    pods.Has(step, v6);
                    break;
                case 3:
                    pods.Has(step);
                    break;
                case 4:
                    pods.Fails(step, T.A).Fails(step, T.Aaaa);
                    break;
                case 5:
                    pods.Has(step, v4).Fails(step, T.Aaaa);
                    break;
                case 6:
                    pods.Says(step, T.A, () => Dangling(step, T.A, 0)).Says(step, T.Aaaa, () => Dangling(step, T.Aaaa, 0));
                    break;
                case 7:
                    pods.Says(step, T.A, () => Dangling(step, T.A, 3)).Says(step, T.Aaaa, () => Dangling(step, T.Aaaa, 3));
                    break;
            }
        }

        return pods;
    }

    /// <summary>An alias of a name that does not exist, or has no data.</summary>
    private static CacheEntry Dangling(string name, ushort type, int rcode) => Steps.Entry(
        MessageBuilder.Response(name, type, rcode).Answer(name, T.Cname, 60, "nowhere.example").Soa("example", 60, 60), name, type);
}
