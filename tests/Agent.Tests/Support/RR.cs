using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Agent.Tests.Support;

/// <summary>Resource records and their types.</summary>
internal static class RR
{
    public const ushort A = 1;
    public const ushort Ns = 2;
    public const ushort Cname = 5;
    public const ushort Soa = 6;
    public const ushort Ptr = 12;
    public const ushort Hinfo = 13;
    public const ushort Mx = 15;
    public const ushort Txt = 16;
    public const ushort Aaaa = 28;
    public const ushort Srv = 33;
    public const ushort Opt = 41;
    public const ushort Https = 65;
    public const ushort Any = 255;

    public static ResourceRecord AddressRecord(string name, string address, uint ttl = 300)
    {
        byte[] bytes = IPAddress.Parse(address).GetAddressBytes();
        return new ResourceRecord(name, bytes.Length == 4 ? A : Aaaa, 1, ttl, bytes);
    }

    public static ResourceRecord Alias(string name, string target, uint ttl = 300) => new(name, Cname, 1, ttl, NameBytes(target));

    /// <summary>A TXT record with this many bytes of RDATA, in strings of 200.</summary>
    public static ResourceRecord Text(string name, int size, uint ttl = 300)
    {
        byte[] data = new byte[size];
        for (int i = 0; i < size; i += 201)
            data[i] = (byte)Math.Min(200, size - i - 1);
        return new ResourceRecord(name, Txt, 1, ttl, data);
    }

    public static ResourceRecord Authority(string zone, uint ttl, uint minimum)
    {
        byte[] numbers = new byte[20];
        BinaryPrimitives.WriteUInt32BigEndian(numbers.AsSpan(16), minimum);
        return new ResourceRecord(zone, Soa, 1, ttl, [.. NameBytes("ns." + zone), .. NameBytes("admin." + zone), .. numbers]);
    }

    public static ResourceRecord OptRecord(ushort udpSize, params (ushort Code, byte[] Value)[] options)
    {
        IEnumerable<byte> data = options.SelectMany(option => (byte[])
            [(byte)(option.Code >> 8), (byte)option.Code, (byte)(option.Value.Length >> 8), (byte)option.Value.Length, .. option.Value]);
        return new ResourceRecord("", Opt, udpSize, 0, [.. data]);
    }

    public static byte[] NameBytes(string name)
    {
        using MemoryStream bytes = new();
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.WriteByte((byte)label.Length);
            bytes.Write(Encoding.Latin1.GetBytes(label));
        }

        bytes.WriteByte(0);
        return bytes.ToArray();
    }
}
