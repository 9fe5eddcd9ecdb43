using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class DnsNameTests
{
    private static byte[] Labels(int count, int length) =>
        [.. Enumerable.Repeat<byte[]>([(byte)length, .. Enumerable.Repeat((byte)'a', length)], count).SelectMany(label => label)];

    /// <summary>Labels and the root's zero: as many bytes as asked for.</summary>
    private static byte[] NameOfLength(int bytes)
    {
        byte[] whole = Labels((bytes - 1) / 64, 63);
        int rest = bytes - 1 - whole.Length;
        return [.. whole, .. rest > 0 ? Labels(1, rest - 1) : [], 0];
    }

    [Fact]
    public void The_root_measures_one_byte() => Assert.Equal(1, DnsName.Measure([0, 0xFF]));

    [Theory]
    [InlineData("a.")]
    [InlineData("www.Example.test.")]
    public void A_name_measures_its_bytes_whatever_follows(string text)
    {
        byte[] name = MessageBuilder.Name(text);
        Assert.Equal(name.Length, DnsName.Measure(name));
        Assert.Equal(name.Length, DnsName.Measure([.. name, 0xC0, 0x0C, 3]));
    }

    [Fact]
    public void A9_a_name_of_127_labels_is_the_longest_by_labels()
    {
        byte[] name = [.. Labels(127, 1), 0];
        Assert.Equal(255, name.Length);
        Assert.Equal(255, DnsName.Measure(name));
        Assert.Equal(0, DnsName.Measure([.. Labels(128, 1), 0]));
        Assert.Equal(255, DnsName.Skip(name, 0));
        Assert.Equal(-1, DnsName.Skip([.. Labels(128, 1), 0], 0));
    }

    [Theory]
    [InlineData(254, true)]
    [InlineData(255, true)]
    [InlineData(256, false)]
    [InlineData(257, false)]
    public void A9_a_name_has_255_bytes_at_most(int length, bool isName)
    {
        byte[] name = NameOfLength(length);
        Assert.Equal(length, name.Length);
        Assert.Equal(isName ? length : 0, DnsName.Measure(name));
        Assert.Equal(isName ? length : -1, DnsName.Skip(name, 0));
    }

    [Fact]
    public void A9_a_label_has_63_bytes_at_most()
    {
        Assert.Equal(65, DnsName.Measure([.. Labels(1, 63), 0]));
        Assert.Equal(0, DnsName.Measure([.. Labels(1, 64), 0]));
        Assert.Equal(-1, DnsName.Skip([.. Labels(1, 64), 0], 0));
    }

    [Theory]
    [InlineData(0x40)]
    [InlineData(0x80)]
    [InlineData(0xBF)]
    public void Label_types_that_RFC_6891_leaves_unused_are_malformed(byte label)
    {
        byte[] name = [label, .. new byte[300]];
        Assert.Equal(0, DnsName.Measure(name));
        Assert.Equal(-1, DnsName.Skip(name, 0));
    }

    [Fact]
    public void A_name_that_ends_too_early_is_none()
    {
        byte[] name = MessageBuilder.Name("www.example.test");
        for (int length = 0; length < name.Length; length++)
        {
            Assert.Equal(0, DnsName.Measure(name.AsSpan(0, length)));
            Assert.Equal(-1, DnsName.Skip(name.AsSpan(0, length), 0));
        }
    }

    [Fact]
    public void Measure_takes_no_compression() => Assert.Equal(0, DnsName.Measure([1, (byte)'a', 0xC0, 0x00]));

    [Fact]
    public void Skip_steps_over_the_pointer_not_over_what_it_points_to()
    {
        byte[] message = [.. MessageBuilder.Name("example.test"), .. new byte[5], 3, (byte)'w', (byte)'w', (byte)'w', .. MessageBuilder.Pointer(0), 0xFF];
        Assert.Equal(message.Length - 1, DnsName.Skip(message, 19));
    }

    [Theory]
    [InlineData("C00C00010001")] // at itself
    [InlineData("C00EC00C")] // forward, then back: a loop
    [InlineData("C00E00")] // forward
    [InlineData("C0FF")] // behind the end
    [InlineData("0161C00C")] // at the name that it ends
    [InlineData("0161C00D")] // into the middle of the name that it ends
    [InlineData("C0")] // half a pointer
    [InlineData("")] // nothing
    public void A9_pointers_that_do_not_lead_back_are_malformed(string name)
    {
        byte[] message = [.. new byte[12], .. Convert.FromHexString(name)];
        Assert.Equal(-1, DnsName.Skip(message, 12));
    }

    [Fact]
    public void A9_a_loop_through_an_earlier_pointer_is_malformed()
    {
        // 0: "a" and a pointer to 4; 4: a pointer to 0.
        byte[] message = [1, (byte)'a', 0xC0, 0x04, 0xC0, 0x00];
        Assert.Equal(-1, DnsName.Skip(message, 4));
        Assert.Equal(-1, DnsName.Skip(message, 0));
    }

    [Fact]
    public void A9_the_limit_of_255_bytes_holds_across_pointers()
    {
        byte[] long254 = NameOfLength(254);
        byte[] message = [.. long254, 1, (byte)'b', .. MessageBuilder.Pointer(0)];
        Assert.Equal(-1, DnsName.Skip(message, 254)); // 256 in all
        byte[] shorter = NameOfLength(253);
        message = [.. shorter, 1, (byte)'b', .. MessageBuilder.Pointer(0)];
        Assert.Equal(message.Length, DnsName.Skip(message, 253)); // 255
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public void Skip_outside_the_message_is_malformed(int offset) => Assert.Equal(-1, DnsName.Skip([0, 0, 0], offset));

    [Fact]
    public void Expand_follows_every_pointer()
    {
        byte[] message =
        [
            .. MessageBuilder.Name("test"), // 0
            7, .. "Example"u8, .. MessageBuilder.Pointer(0), // 6
            3, .. "www"u8, .. MessageBuilder.Pointer(6), // 16
            .. MessageBuilder.Pointer(16), // 22
        ];
        byte[] name = new byte[DnsName.MaxLength];
        Assert.Equal(24, DnsName.Skip(message, 22));
        int length = DnsName.Expand(message, 22, name);
        Assert.Equal(MessageBuilder.Name("www.Example.test"), name[..length]);
        Assert.True(DnsName.Equals(message, 22, MessageBuilder.Name("WWW.example.TEST"), 0));
        Assert.True(DnsName.Equals(message, 16, message, 22));
        Assert.False(DnsName.Equals(message, 6, message, 16));
    }

    [Fact]
    public void Whatever_Skip_accepts_Expand_writes_in_255_bytes()
    {
        Random random = new(1);
        byte[] name = new byte[DnsName.MaxLength];
        byte[] message = new byte[64];
        int accepted = 0;
        for (int round = 0; round < 200_000; round++)
        {
            for (int i = 0; i < message.Length; i++)
                message[i] = random.Next(4) switch { 0 => 0xC0, 1 => 0, 2 => (byte)random.Next(8), _ => (byte)random.Next(64) };
            int offset = random.Next(message.Length);
            int end = DnsName.Skip(message, offset);
            if (end < 0)
                continue;
            accepted++;
            Assert.InRange(end, offset + 1, message.Length);
            int length = DnsName.Expand(message, offset, name);
            Assert.Equal(length, DnsName.Measure(name.AsSpan(0, length)));
            Assert.True(DnsName.Equals(message, offset, name, 0));
        }

        Assert.True(accepted > 10_000, $"only {accepted} names were accepted: the test has lost its point");
    }
}
