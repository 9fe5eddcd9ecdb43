using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class ClientRatesTests
{
    private static ClientAddress Client(int number) => new((UInt128)0xFFFF_0A00_0000 + (UInt128)number);

    /// <summary>How many of so many single units a client gets at one moment.</summary>
    private static int Taken(ClientRates rates, ClientAddress client, int asked, long now) =>
        Enumerable.Range(0, asked).Count(_ => rates.TryTake(client, 1, now));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(50)]
    [InlineData(1_000_000)]
    public void A_client_gets_one_second_s_worth_at_once_and_then_its_rate(int perSecond)
    {
        ClientRates rates = new(perSecond);
        Assert.Equal(perSecond, Taken(rates, Client(1), perSecond + 100, now: 5_000));
        Assert.False(rates.TryTake(Client(1), 1, now: 5_000));
        Assert.Equal(perSecond, Taken(rates, Client(1), perSecond + 100, now: 6_001));
        Assert.InRange(Taken(rates, Client(1), perSecond, now: 6_501), perSecond / 2, perSecond / 2 + 1);
    }

    [Fact]
    public void Nothing_is_saved_up_beyond_one_second()
    {
        ClientRates rates = new(10);
        Assert.True(rates.TryTake(Client(1), 1, now: 0));
        Assert.Equal(10, Taken(rates, Client(1), 100, now: 3_600_000));
    }

    [Fact]
    public void One_client_s_use_is_no_other_s()
    {
        ClientRates rates = new(10);
        Taken(rates, Client(1), 100, now: 0);
        Assert.All(Enumerable.Range(2, 500), number => Assert.Equal(10, Taken(rates, Client(number), 11, now: 0)));
    }

    [Fact]
    public void More_than_the_credit_is_given_once_and_then_owed()
    {
        ClientRates rates = new(10_000);
        Assert.True(rates.TryTake(Client(1), 60_000, now: 0));
        Assert.False(rates.TryTake(Client(1), 1, now: 4_990));
        Assert.True(rates.TryTake(Client(1), 1, now: 5_001));
    }

    [Fact]
    public void A11_a_million_forged_addresses_cost_no_memory_and_an_honest_client_is_served_and_a_noisy_one_still_limited()
    {
        ClientRates rates = new(100);
        ClientAddress honest = Client(1);
        ClientAddress noisy = Client(2);
        int honestTaken = 0, noisyTaken = 0;
        rates.TryTake(honest, 1, now: 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        // Ten seconds: a hundred forged addresses each millisecond, the honest client at half its rate, the noisy one at twenty times.
        for (int now = 1_000; now < 11_000; now++)
        {
            for (int i = 0; i < 100; i++)
                Assert.True(rates.TryTake(Client(100 + now * 100 + i), 1, now));
            honestTaken += now % 20 == 0 && rates.TryTake(honest, 1, now) ? 1 : 0;
            noisyTaken += rates.TryTake(noisy, 1, now) ? 1 : 0;
            noisyTaken += rates.TryTake(noisy, 1, now) ? 1 : 0;
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 10); // the JIT's own, of a million clients nothing
        Assert.Equal(500, honestTaken);
        Assert.InRange(noisyTaken, 1_000, 1_100);
    }

    [Fact]
    public void A_new_client_is_not_refused_because_the_table_is_full_of_clients_at_their_limit()
    {
        ClientRates rates = new(2);
        for (int number = 0; number < 50_000; number++)
            Assert.Equal(2, Taken(rates, Client(number), 3, now: 0));
    }

    [Fact]
    public void Threads_that_count_one_client_at_once_lose_nothing_of_each_other_s()
    {
        const int perSecond = 400_000;
        ClientRates rates = new(perSecond);
        Assert.True(rates.TryTake(Client(7), 1, now: 0));
        int taken = 1;
        Together.Run(4, _ => Interlocked.Add(ref taken, Taken(rates, Client(7), perSecond, now: 0)));
        Assert.Equal(perSecond, taken);
    }

    [Fact]
    public void Threads_that_add_one_client_at_once_let_through_no_more_than_its_allowance_for_each()
    {
        const int threads = 4;
        for (int round = 0; round < 20; round++)
        {
            ClientRates rates = new(1_000);
            int taken = 0;
            Together.Run(threads, _ => Interlocked.Add(ref taken, Taken(rates, Client(7), 5_000, now: 0)));
            // 1,000 where one thread added the client; those that add it at the same instant each count for themselves.
            Assert.InRange(taken, 1_000, threads * 1_000);
            Assert.Equal(0, Taken(rates, Client(7), 1, now: 0));
        }
    }
}
