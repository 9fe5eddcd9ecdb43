using Agent.Dns;

namespace Agent.Forwarding;

// Clients that speak IPv6 alone: where there is no AAAA record, the flight goes on for the A records (RFC 6147).
internal sealed partial class Forwarder
{
    /// <summary>Asks for A records in place of the AAAA records that are not there.</summary>
    /// <param name="withoutAaaa">The answer that said so; none when the servers failed.</param>
    private void AskForIpv4(Flight flight, CacheEntry withoutAaaa, long now)
    {
        byte[] asked = flight.Asked.ToArray();
        asked[^2] = 0;
        asked[^1] = (byte)RecordType.A;
        flight.AskInstead((flight.Detour ?? new Detour { Asked = asked }) with { Asked = asked, WithoutAaaa = withoutAaaa });
        Send(flight, flight.Route.Protocol, now);
    }

    /// <summary>Every server refused: that ends the flight, but servers that fail for AAAA alone count as having none (RFC 6147 section 5.1.2).</summary>
    private void FailUnlessOpen(Flight flight, long now)
    {
        if (flight.HasOpenExchange)
            return;
        if (flight.Reader!.MayMakeAaaa(flight.Question))
            AskForIpv4(flight, default, now);
        else
            Complete(flight, default, now);
    }
}
