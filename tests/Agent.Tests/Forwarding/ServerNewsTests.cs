using Agent.Configuration;
using Agent.Forwarding;
using Agent.Tests.Support;

namespace Agent.Tests.Forwarding;

/// <summary>What the log says of servers that do not answer.</summary>
public sealed class ServerNewsTests
{
    private readonly LogRecorder _log = new();
    private readonly ServerNews _news;
    private readonly Server _first = new(TestAddress.Next());
    private readonly Server _second = new(TestAddress.Next());
    private readonly RouteTable _routes;

    public ServerNewsTests()
    {
        _news = new ServerNews(_log);
        _routes = new RouteTable([new Route([0], TransportProtocol.Udp, [_first, _second])]);
    }

    [Fact]
    public void A_server_that_fails_and_the_zone_that_nobody_answers_are_said_once_and_so_is_the_end()
    {
        Fail(_first);
        Tell(0, 1_000, 2_000);
        Fail(_second);
        Tell(3_000, 4_000);
        _first.Succeeded();
        Tell(5_000, 13_999);
        Assert.Equal(3, _log.Lines.Length);

        Tell(14_000, 15_000);

        Assert.Equal(
            [
                $"Warning: {_first.EndPoint} does not answer: it is asked last, and probed until it does",
                $"Warning: {_second.EndPoint} does not answer: it is asked last, and probed until it does",
                $"Error: No server of the route . answers ({_first.EndPoint}, {_second.EndPoint}): what is not cached fails, what expired is given on. Do they run, and does this node reach them?",
                $"Information: {_first.EndPoint} answers again",
            ],
            _log.Lines);
    }

    [Fact]
    public void A_server_that_answers_now_and_then_does_not_fill_the_log()
    {
        for (int second = 0; second < 600; second++)
        {
            if (second % 4 == 0)
                Fail(_first);
            else
                _first.Succeeded();
            Tell(second * 1_000);
        }

        Assert.Single(_log.Lines);
    }

    private static void Fail(Server server)
    {
        server.Failed(0);
        server.Failed(0);
    }

    private void Tell(params long[] times)
    {
        foreach (long now in times)
            _news.Tell(_routes, now);
    }
}
