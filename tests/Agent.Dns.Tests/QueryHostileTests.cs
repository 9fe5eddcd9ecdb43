using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

/// <summary>Hostile bytes are a value, never an exception, and what is answered to them is well formed (STYLE rule 4, CHECKS A9).</summary>
public class QueryHostileTests
{
    private readonly Resolver _resolver = new(new ResponseCache(1 << 20, TimeSpan.FromDays(1)), new ServingCounters(), isUdp: true);
    private readonly byte[] _reply = new byte[1232];

    private static byte[] Valid() => MessageBuilder.Query("www.Example.test", T.Aaaa)
        .Opt(udpSize: 1232, flags: 0x8000, options: [.. MessageBuilder.Option(10, 24), .. MessageBuilder.Option(8, 7)]).Build();

    /// <summary>Gives the message to the resolver between poisoned bytes, and checks what comes back.</summary>
    private ResponseCode? Check(ReadOnlySpan<byte> message)
    {
        int length = Answer(message, poison: 0x00, out ResponseCode code);
        Assert.Equal(length, Answer(message, poison: 0xFF, out ResponseCode again));
        Assert.Equal(code, again);
        if (length <= 0)
            return null;

        OracleMessage reply = OracleMessage.Decode(_reply.AsSpan(0, length));
        Assert.True(reply.IsResponse);
        Assert.Equal(message[..2], _reply.AsSpan(0, 2));
        if (reply.Rcode == 0)
        {
            Assert.Equal(13, Assert.Single(reply.Answers).Type); // the mutation asks for ANY: HINFO (RFC 8482)
            return ResponseCode.NoError;
        }

        Assert.Empty(reply.Answers);
        Assert.InRange(length, Header.Size, message.Length + 17);
        return (ResponseCode)reply.Rcode;
    }

    private int Answer(ReadOnlySpan<byte> message, byte poison, out ResponseCode code)
    {
        byte[] surroundings = new byte[message.Length + 600];
        Array.Fill(surroundings, poison);
        message.CopyTo(surroundings.AsSpan(300));
        int length = _resolver.Answer(surroundings.AsSpan(300, message.Length), now: 0, _reply, out Query query);
        code = query.Error;
        return length;
    }

    [Fact]
    public void A9_every_prefix_of_a_query_is_answered_or_not_without_an_exception()
    {
        byte[] valid = Valid();
        for (int length = 0; length < valid.Length; length++)
            Assert.Equal(length < Header.Size ? null : ResponseCode.FormErr, Check(valid.AsSpan(0, length)));
        Assert.Null(Check(valid)); // to be forwarded
    }

    [Fact]
    public void A9_every_change_of_one_byte_is_answered_or_not_without_an_exception()
    {
        byte[] valid = Valid();
        HashSet<ResponseCode?> seen = [];
        for (int position = 0; position < valid.Length; position++)
        {
            byte original = valid[position];
            for (int value = 0; value < 256; value++)
            {
                valid[position] = (byte)value;
                seen.Add(Check(valid));
            }

            valid[position] = original;
        }

        Assert.Superset(
            new HashSet<ResponseCode?> { null, ResponseCode.FormErr, ResponseCode.NotImp, ResponseCode.Refused, ResponseCode.BadVers }, seen);
    }

    [Fact]
    public void A9_random_bytes_behind_a_header_are_answered_or_not_without_an_exception()
    {
        Random random = new(2);
        byte[] message = new byte[300];
        for (int round = 0; round < 20_000; round++)
        {
            int length = random.Next(Header.Size, message.Length);
            random.NextBytes(message.AsSpan(0, length));
            message[2] &= 0x07; // a query
            message.AsSpan(4, 8).Clear();
            message[5] = 1;
            message[11] = (byte)random.Next(3);
            if (random.Next(2) == 0)
                MessageBuilder.Name("www.test").CopyTo(message, Header.Size);
            Check(message.AsSpan(0, length));
        }
    }

    [Fact]
    public void A9_refusing_hostile_messages_allocates_nothing()
    {
        byte[][] messages =
        [
            Valid()[..30],
            [.. Convert.FromHexString("123401000001000000000000"), .. Convert.FromHexString("C00C00010001")],
            MessageBuilder.Query("a.test").Counts(65535, 65535, 65535, 65535).Build(),
            MessageBuilder.Query("a.test").Opt(version: 9).Build(),
            new MessageBuilder().Flags(0x7800).Build(),
        ];
        foreach (byte[] message in messages)
            _resolver.Answer(message, now: 0, _reply, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (byte[] message in messages)
            _resolver.Answer(message, now: 0, _reply, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
