using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Agent.Dns;

/// <summary>
/// What one thread and one server know of each other and nobody else can (RFC 7873): a response over UDP without it is not that server's. For one
/// thread.
/// </summary>
public sealed class UpstreamCookie
{
    /// <summary>Bytes: what <see cref="AddTo"/> adds at the most.</summary>
    public const int MaxOptionSize = OptionHeaderSize + MaxSize;

    private const int OptionHeaderSize = 4;
    private const int ClientSize = 8;
    private const int MaxSize = 40; // RFC 7873 section 4: 8 of the client, 8 to 32 of the server
    private const ushort OptionCode = 10;
    private const int BadCookie = 23;
    private const int Patience = 3;

    private readonly byte[] _cookie = new byte[MaxSize];
    private int _length = ClientSize;
    private int _missing;
    private int _refusals;

    public UpstreamCookie() => RandomNumberGenerator.Fill(_cookie.AsSpan(0, ClientSize));

    /// <summary>Whether the server takes queries with a cookie; it does until it has shown more than once that it does not.</summary>
    public bool IsWelcome => _refusals < Patience;

    /// <summary>The server answered FORMERR to a query that had the cookie.</summary>
    public void NoteRefusal() => _refusals++;

    /// <summary>Appends the cookie to a query that <see cref="UpstreamQuery.Write"/> wrote with EDNS.</summary>
    /// <param name="length">The query's length in bytes; its last record is the OPT, without options.</param>
    /// <returns>The query's length with the cookie.</returns>
    public int AddTo(Span<byte> message, int length)
    {
        Span<byte> option = message.Slice(length, OptionHeaderSize + _length);
        BinaryPrimitives.WriteUInt16BigEndian(message[(length - sizeof(ushort))..], (ushort)option.Length); // RDLENGTH
        BinaryPrimitives.WriteUInt16BigEndian(option, OptionCode);
        BinaryPrimitives.WriteUInt16BigEndian(option[2..], (ushort)_length);
        _cookie.AsSpan(0, _length).CopyTo(option[OptionHeaderSize..]);
        return length + option.Length;
    }

    /// <summary>Whether a response can be the server's answer to a query with the cookie; learns the server's part of it.</summary>
    /// <returns>False also for BADCOOKIE: it is the server's word, but no answer.</returns>
    public bool Accepts(ReadOnlySpan<byte> response)
    {
        ReadOnlySpan<byte> cookie = Find(response, out int code);
        // Who has sent cookies sends them always (section 5.3); who never has does not know them. But another server may have taken this one's
        // address, or share it: not even who guesses right can forge so often that it counts.
        if (cookie.IsEmpty)
            return _length == ClientSize || ++_missing > Patience;
        if (cookie.Length > MaxSize || !cookie.StartsWith(_cookie.AsSpan(0, ClientSize)))
            return false;
        if (cookie.Length >= 2 * ClientSize)
        {
            cookie.CopyTo(_cookie);
            _length = cookie.Length;
        }

        return code != BadCookie;
    }

    /// <param name="code">The response's RCODE, with its upper bits.</param>
    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> response, out int code)
    {
        Header header = new(response);
        code = (int)header.ResponseCode;
        int offset = Header.Size;
        for (int i = 0; i < header.QuestionCount && offset > 0; i++)
            offset = DnsName.Skip(response, offset) is > 0 and int end ? end + 4 : -1;
        for (int left = header.AnswerCount + header.AuthorityCount + header.AdditionalCount; left > 0 && offset > 0; left--)
        {
            if (!ResourceRecord.TryParse(response, offset, out ResourceRecord record))
                break;
            if (record.Type == RecordType.Opt)
            {
                code |= response[record.DataOffset - 6] << 4;
                return FindOption(response[record.DataOffset..record.End]);
            }

            offset = record.End;
        }

        return [];
    }

    private static ReadOnlySpan<byte> FindOption(ReadOnlySpan<byte> options)
    {
        while (options.Length >= OptionHeaderSize)
        {
            int end = OptionHeaderSize + BinaryPrimitives.ReadUInt16BigEndian(options[2..]);
            if (end > options.Length)
                break;
            if (BinaryPrimitives.ReadUInt16BigEndian(options) == OptionCode)
                return options[OptionHeaderSize..end];
            options = options[end..];
        }

        return [];
    }
}
