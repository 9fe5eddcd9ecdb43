using System.Text;
using Agent.Dns.Tests.Support;

namespace Agent.Dns.Tests;

public class DnsNameTextTests
{
    [Theory]
    [InlineData("cluster.local", "cluster.local", true)]
    [InlineData("kubernetes.default.svc.cluster.local", "cluster.local", true)]
    [InlineData("anything.test", ".", true)]
    [InlineData(".", ".", true)]
    [InlineData("xcluster.local", "cluster.local", false)]
    [InlineData("cluster.local", "svc.cluster.local", false)]
    [InlineData("cluster.localx", "cluster.local", false)]
    [InlineData("local", "cluster.local", false)]
    [InlineData(".", "local", false)]
    public void A_zone_holds_its_apex_and_what_is_below_at_label_boundaries(string name, string zone, bool isInside) =>
        Assert.Equal(isInside, DnsName.IsInZone(MessageBuilder.Name(name), MessageBuilder.Name(zone)));

    [Fact]
    public void Bytes_in_a_label_that_look_like_the_zone_are_not_the_zone()
    {
        // One label "x\007cluster\005local": its last bytes are the zone's, but no label starts there.
        byte[] zone = MessageBuilder.Name("cluster.local");
        byte[] name = [(byte)zone.Length, (byte)'x', .. zone[..^1], 0];
        Assert.Equal(name.Length, DnsName.Measure(name));
        Assert.False(DnsName.IsInZone(name, zone));
    }

    [Fact]
    public void A19_a_dot_inside_a_label_is_not_a_label_boundary()
    {
        byte[] dotted = [18, .. "kubernetes.default"u8, .. MessageBuilder.Name("svc.cluster.local")];
        byte[] plain = MessageBuilder.Name("kubernetes.default.svc.cluster.local");
        Assert.False(DnsName.Equals(dotted, 0, plain, 0));
        Assert.False(DnsName.IsInZone(dotted, MessageBuilder.Name("default.svc.cluster.local")));
        Assert.Equal(@"kubernetes\.default.svc.cluster.local.", DnsName.ToText(dotted));
    }

    [Fact]
    public void Lower_case_is_for_A_to_Z_alone()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        byte[] lower = new byte[256];
        DnsName.ToLower(all, lower);
        for (int value = 0; value < 256; value++)
            Assert.Equal(value is >= 'A' and <= 'Z' ? value + 32 : value, lower[value]);
    }

    [Fact]
    public void Lower_case_works_at_every_length_and_in_place()
    {
        for (int length = 0; length < 70; length++)
        {
            byte[] upper = [.. Enumerable.Range(0, length).Select(i => (byte)('A' + i % 26))];
            byte[] lower = [.. upper.Select(value => (byte)(value + 32))];
            byte[] guarded = [.. upper, (byte)'G'];
            DnsName.ToLower(guarded.AsSpan(0, length), guarded);
            Assert.Equal([.. lower, (byte)'G'], guarded);
        }
    }

    [Fact]
    public void Names_are_equal_without_regard_to_the_case_of_ASCII_letters_alone()
    {
        for (int value = 0; value < 256; value++)
        {
            for (int other = 0; other < 256; other++)
            {
                bool isEqual = char.ToLowerInvariant((char)value) == char.ToLowerInvariant((char)other) && value < 128 && other < 128;
                Assert.Equal(isEqual || value == other, DnsName.Equals([1, (byte)value, 0], 0, [1, (byte)other, 0], 0));
            }
        }
    }

    [Theory]
    [InlineData("", ".")]
    [InlineData(".", ".")]
    [InlineData("Cluster.LOCAL", "cluster.local.")]
    [InlineData("cluster.local.", "cluster.local.")]
    public void Text_becomes_a_lower_case_name(string text, string expected)
    {
        byte[] name = DnsName.FromText(text);
        Assert.Equal(MessageBuilder.Name(expected), name);
        Assert.Equal(expected, DnsName.ToText(name));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a..")]
    [InlineData("1234567890123456789012345678901234567890123456789012345678901234.test")]
    public void Text_with_an_empty_or_overlong_label_is_no_name(string text) => Assert.Throws<FormatException>(() => DnsName.FromText(text));

    [Fact]
    public void Text_over_255_bytes_is_no_name()
    {
        string label62 = new('a', 62);
        string longest = string.Join('.', Enumerable.Repeat(label62, 4)); // 4 * 63 + 1 = 253
        Assert.Equal(253, DnsName.FromText(longest).Length);
        Assert.Equal(255, DnsName.FromText("b." + longest).Length);
        Assert.Throws<FormatException>(() => DnsName.FromText("bc." + longest));
    }

    [Theory]
    [InlineData(0x00, @"\000.")]
    [InlineData((byte)'\n', @"\010.")]
    [InlineData((byte)' ', @"\032.")]
    [InlineData((byte)'"', @"\"".")]
    [InlineData((byte)'.', @"\..")]
    [InlineData((byte)'\\', @"\\.")]
    [InlineData(0x7F, @"\127.")]
    [InlineData(0x80, @"\128.")]
    [InlineData(0xFF, @"\255.")]
    [InlineData((byte)'~', "~.")]
    [InlineData((byte)'A', "A.")]
    public void A19_bytes_that_could_be_mistaken_are_escaped(byte value, string expected) => Assert.Equal(expected, DnsName.ToText([1, value, 0]));

    [Fact]
    public void A19_no_byte_leaves_printable_ASCII_and_each_has_a_text_of_its_own()
    {
        HashSet<string> seen = [];
        for (int value = 0; value < 256; value++)
        {
            string text = DnsName.ToText([1, (byte)value, 0]);
            Assert.All(text, character => Assert.InRange(character, '!', '~'));
            Assert.True(seen.Add(text), $"{text} stands for two bytes");
        }
    }

    [Fact]
    public void Text_of_the_longest_escaped_name_is_whole()
    {
        byte[] name = [.. Enumerable.Repeat<byte[]>([1, 0], 127).SelectMany(label => label), 0];
        StringBuilder expected = new();
        for (int i = 0; i < 127; i++)
            expected.Append(@"\000.");
        Assert.Equal(expected.ToString(), DnsName.ToText(name));
    }
}
