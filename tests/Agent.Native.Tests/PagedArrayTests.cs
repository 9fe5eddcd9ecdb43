namespace Agent.Native.Tests;

public sealed class PagedArrayTests
{
    private const int Length = 64 << 20;

    [Fact]
    public void Memory_is_taken_when_it_is_written_to_and_given_back_when_it_is_cleared()
    {
        using PagedArray<byte> array = new(Length);
        long before = Resident();

        for (int i = 0; i < Length; i += 1024)
            array[i] = 1;
        long written = Resident();
        array.Clear();
        long cleared = Resident();

        Assert.InRange(written - before, Length * 3L / 4, long.MaxValue);
        Assert.InRange(written - cleared, Length * 3L / 4, long.MaxValue);
        Assert.Equal((0, 0), (array[0], array[Length - 1024]));
        array[Length - 1] = 7;
        Assert.Equal(7, array[Length - 1]);
    }

    [Fact]
    public void An_index_outside_is_refused()
    {
        using PagedArray<long> array = new(3);

        Assert.Equal(3, array.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[-1]);
    }

    /// <summary>Anonymous memory of this process, in bytes.</summary>
    private static long Resident() => long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) << 10;
}
