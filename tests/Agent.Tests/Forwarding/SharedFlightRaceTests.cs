using Agent.Forwarding;
using Agent.Native;

namespace Agent.Tests.Forwarding;

public sealed class SharedFlightRaceTests
{
    [Fact]
    public void A_question_has_one_owner_at_a_time_and_its_followers_are_woken()
    {
        const int rounds = 10_000;
        using SharedFlights flights = new();
        int[] owners = new int[3];
        int followed = 0;
        int wrong = 0;
        (Poller Poller, int Number)[] parties = [.. Enumerable.Range(0, 4).Select(_ => new Poller()).Select(poller => (poller, flights.Register(poller, token: 1)))];
        Thread[] threads = [.. parties.Select(party => new Thread(() => ClaimAndRelease(party.Poller, party.Number)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(0, wrong);
        Assert.True(followed > 100, $"the threads met {followed} times");

        void ClaimAndRelease(Poller poller, int thread)
        {
            for (int round = 0; round < rounds; round++)
            {
                int question = round % owners.Length;
                ulong hash = 0x1_0001_0001ul * ((ulong)question + 1);
                while (flights.Claim(hash, thread, out _) == FlightShare.Follower)
                {
                    Interlocked.Increment(ref followed);
                    if (poller.Wait(15_000) == 0)
                        Interlocked.Increment(ref wrong); // nobody called
                    flights.Clear(thread);
                }

                if (Interlocked.Increment(ref owners[question]) != 1)
                    Interlocked.Increment(ref wrong); // another owns it too
                if (round % 8 == 0)
                    Thread.Yield();
                Interlocked.Decrement(ref owners[question]);
                flights.Release(hash);
            }

            poller.Dispose();
        }
    }

    [Fact]
    public void Questions_that_share_a_place_are_not_taken_for_one_another()
    {
        using SharedFlights flights = new();
        const ulong hash = 0x0123_4567_89AB_CDEF;
        Assert.Equal((FlightShare.Owner, false), (flights.Claim(hash, 0, out ulong seen), SharedFlights.WasLast(hash, seen)));
        Assert.Equal((FlightShare.Alone, false), (flights.Claim(hash ^ 1ul << 40, 1, out seen), SharedFlights.WasLast(hash ^ 1ul << 40, seen)));
        flights.Release(hash);
        Assert.Equal((FlightShare.Owner, false), (flights.Claim(hash ^ 1ul << 40, 1, out seen), SharedFlights.WasLast(hash ^ 1ul << 40, seen)));
        flights.Release(hash ^ 1ul << 40);
        Assert.Equal((FlightShare.Owner, true), (flights.Claim(hash ^ 1ul << 40, 0, out seen), SharedFlights.WasLast(hash ^ 1ul << 40, seen)));
    }

    [Fact]
    public void An_owner_is_alive_for_as_long_as_it_makes_progress()
    {
        using SharedFlights flights = new();
        Assert.Equal(FlightShare.Owner, flights.Claim(7, thread: 3, out _));
        Assert.Equal(FlightShare.Follower, flights.Claim(7, thread: 4, out ulong followed));
        flights.Beat(3, now: 10_000);
        flights.Beat(4, now: 20_000);
        Assert.True(flights.IsOwnerAlive(7, followed, now: 10_399));
        Assert.False(flights.IsOwnerAlive(7, followed, now: 10_400));
        Assert.False(flights.IsOwnerAlive(8, followed, now: 10_000));
        flights.Release(7);
        Assert.False(flights.IsOwnerAlive(7, followed, now: 10_000));
    }

    [Fact]
    public void A_claim_that_ended_is_told_from_the_next_of_the_same_thread()
    {
        using SharedFlights flights = new();
        flights.Claim(7, 0, out _);
        flights.Claim(7, 1, out ulong followed);
        Assert.True(flights.IsHeld(7, followed));

        flights.Release(7);
        Assert.False(flights.IsHeld(7, followed));
        flights.Claim(7, 0, out _);

        Assert.False(flights.IsHeld(7, followed));
    }
}
