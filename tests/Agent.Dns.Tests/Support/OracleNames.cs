using System.Text;

namespace Agent.Dns.Tests.Support;

/// <summary>Reads names out of RDATA whose type <see cref="OracleMessage"/> does not know.</summary>
internal static class OracleNames
{
    /// <returns>The names in lower-case text, with spaces between. All of the data must be names.</returns>
    public static string Read(byte[] message, ReadOnlySpan<byte> data, int count)
    {
        List<string> names = [];
        int position = 0;
        for (int i = 0; i < count; i++)
        {
            StringBuilder name = new();
            while (data[position] is not 0 and < 0xC0)
            {
                name.Append(Encoding.Latin1.GetString(data.Slice(position + 1, data[position])).ToLowerInvariant()).Append('.');
                position += data[position] + 1;
            }

            if (data[position] >= 0xC0)
                name.Append(Follow(message, ((data[position] & 0x3F) << 8) | data[++position]));
            position++;
            names.Add(name.ToString());
        }

        return position == data.Length ? string.Join(' ', names) : throw new FormatException("bytes behind the names");
    }

    private static string Follow(byte[] message, int offset)
    {
        StringBuilder name = new();
        while (message[offset] != 0)
        {
            if (message[offset] >= 0xC0)
            {
                offset = ((message[offset] & 0x3F) << 8) | message[offset + 1];
                continue;
            }

            name.Append(Encoding.Latin1.GetString(message, offset + 1, message[offset]).ToLowerInvariant()).Append('.');
            offset += message[offset] + 1;
        }

        return name.ToString();
    }
}
