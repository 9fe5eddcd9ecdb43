using System.Buffers.Binary;

namespace Agent.Dns.Tests.Support;

/// <summary>Numbered names with an answer each, made quickly: one message and key are patched for each number.</summary>
internal sealed class ManyNames(string kind)
{
    private static readonly string _digits = new('0', 8);

    private readonly UpstreamResponse _reader = new(Steps.Limits);
    private readonly byte[] _response = MessageBuilder.Response($"{_digits}.{kind}.test").Answer($"{_digits}.{kind}.test", T.A, 60, 0, 0, 0, 0).Build();
    private readonly byte[] _query = MessageBuilder.Query($"{_digits}.{kind}.test").Build();
    private readonly byte[] _key = Steps.Key($"{_digits}.{kind}.test");
    private readonly byte[] _parsedKey = new byte[Query.MaxKeyLength];
    private readonly byte[] _reply = new byte[512];

    /// <summary>Stores the answer for a number: an address that is the number.</summary>
    public void Store(ResponseCache cache, int number, long now = 0) => cache.Store(_key, Entry(number, now));

    /// <summary>The entry for a number; <see cref="Key"/> is then its key.</summary>
    public CacheEntry Entry(int number, long now = 0)
    {
        Write(number, _response.AsSpan(13));
        Write(number, _response.AsSpan(_query.Length + 1));
        Write(number, _key.AsSpan(1));
        BinaryPrimitives.WriteInt32BigEndian(_response.AsSpan(_response.Length - 4), number);
        Assert.Equal(ResponseVerdict.Answered, _reader.Read(_response, _key, now, out CacheEntry entry));
        return entry;
    }

    public ReadOnlySpan<byte> Key => _key;

    /// <summary>Asks for a number's name; a hit must be that number's answer.</summary>
    public bool IsHit(ResponseCache cache, int number, long now = 0)
    {
        Query query = Ask(number);
        if (!cache.TryAnswer(query, cache.NameHash(query), now, _reply, out int length, out _))
            return false;
        if (!_reply.AsSpan(12, _query.Length - 12).SequenceEqual(_query.AsSpan(12)) || BinaryPrimitives.ReadInt32BigEndian(_reply.AsSpan(length - 4)) != number)
            Assert.Fail($"the answer to {number} is {Convert.ToHexString(_reply.AsSpan(0, length))}");
        return true;
    }

    public Query Ask(int number)
    {
        Write(number, _query.AsSpan(13));
        return Query.TryParse(_query, _parsedKey, out Query query) ? query : throw new InvalidOperationException("the query is malformed");
    }

    private static void Write(int number, Span<byte> digits)
    {
        for (int i = 7; i >= 0; i--, number /= 10)
            digits[i] = (byte)('0' + number % 10);
    }
}
