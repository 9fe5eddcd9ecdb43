using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class ClientsInFlightTests
{
    private static ClientAddress Client(int number) => new((UInt128)0xFFFF_0A00_0000 + (UInt128)number);

    private static int[] Enter(ClientsInFlight table, ClientAddress client, int asked)
    {
        List<int> places = [];
        for (int i = 0; i < asked; i++)
        {
            if (table.TryEnter(client, out int place))
                places.Add(place);
        }

        return [.. places];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(65535)]
    public void A_client_has_its_fill_and_one_that_leaves_makes_room_for_one(int most)
    {
        ClientsInFlight table = new(most);
        int[] places = Enter(table, Client(1), most + 10);
        Assert.Equal(most, places.Length);

        table.Leave(places[0]);
        Assert.Single(Enter(table, Client(1), 5));
        Assert.Equal(most, Enter(table, Client(2), most).Length); // another client
        foreach (int place in places)
            table.Leave(place);
        Assert.Equal(most, Enter(table, Client(1), most + 10).Length);
    }

    [Fact]
    public void A_client_is_not_refused_because_the_table_is_full_and_one_that_waits_stays_counted()
    {
        ClientsInFlight table = new(3);
        int[] noisy = Enter(table, Client(0), 4);
        Assert.Equal(3, noisy.Length);
        List<int> others = [];
        for (int number = 1; number <= 100_000; number++)
        {
            Assert.True(table.TryEnter(Client(number), out int place));
            others.Add(place);
        }

        Assert.Contains(ClientsInFlight.NoPlace, others); // it was full indeed
        Assert.Empty(Enter(table, Client(0), 1));
        others.ForEach(table.Leave);
        foreach (int place in noisy)
            table.Leave(place);
        // Everything was given back: no word has anything left.
        for (int number = 0; number < 1_000; number++)
        {
            int[] places = Enter(table, Client(number), 4);
            Assert.Equal(3, places.Length);
            Assert.DoesNotContain(ClientsInFlight.NoPlace, places);
            foreach (int place in places)
                table.Leave(place);
        }
    }

    [Fact]
    public void Threads_that_enter_and_leave_at_once_lose_no_count()
    {
        ClientsInFlight table = new(100);
        Assert.All(Enumerable.Range(0, 2), number => Assert.Equal(50, Enter(table, Client(number), 50).Length));
        Together.Run(4, _ =>
        {
            for (int i = 0; i < 300_000; i++)
            {
                if (table.TryEnter(Client(i % 2), out int place))
                    table.Leave(place);
            }
        });

        Assert.All(Enumerable.Range(0, 2), number => Assert.Equal(50, Enter(table, Client(number), 200).Length));
    }
}
