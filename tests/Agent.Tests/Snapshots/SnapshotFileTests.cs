using Agent.Snapshots;

namespace Agent.Tests.Snapshots;

/// <summary>The file itself: whole or not at all, and its owner's alone.</summary>
public sealed class SnapshotFileTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-snapshot-");

    private string FilePath => Path.Combine(_directory.FullName, "state", "snapshot");

    public void Dispose() => _directory.Delete(recursive: true);

    private static string ReadText(string path)
    {
        string text = "";
        SnapshotFile.Read(path, from => text = from.ReadString());
        return text;
    }

    [Fact]
    public void It_is_replaced_whole_and_only_its_owner_may_read_it()
    {
        SnapshotFile.Write(FilePath, to => to.Write("first"));
        File.WriteAllText(FilePath + ".new", "left by an agent that was killed while it wrote");
        File.SetUnixFileMode(FilePath + ".new", (UnixFileMode)0b110_110_110);
        SnapshotFile.Write(FilePath, to => to.Write("second"));

        Assert.Equal("second", ReadText(FilePath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        Assert.Equal([FilePath], Directory.GetFiles(Path.GetDirectoryName(FilePath)!));
    }

    [Fact]
    public void F4_two_agents_that_write_at_once_leave_one_whole_file_and_no_leftover()
    {
        SnapshotFile.Write(FilePath, outer =>
        {
            outer.Write("older");
            outer.Flush();
            SnapshotFile.Write(FilePath, inner => inner.Write("newer"));
            Assert.Equal("newer", ReadText(FilePath));
        });

        Assert.Equal("older", ReadText(FilePath));
        File.WriteAllText($"{FilePath}.0123.new", "left by an agent that was killed while it wrote");
        SnapshotFile.Write(FilePath, to => to.Write("last"));
        Assert.Equal("last", ReadText(FilePath));
        Assert.Equal([FilePath], Directory.GetFiles(Path.GetDirectoryName(FilePath)!));
    }

    [Fact]
    public void What_cannot_be_written_to_its_end_leaves_the_file_of_before()
    {
        SnapshotFile.Write(FilePath, to => to.Write("first"));

        Assert.Throws<IOException>(() => SnapshotFile.Write(FilePath, to =>
        {
            to.Write(new byte[200_000]);
            throw new IOException("No space left on device");
        }));

        Assert.Equal("first", ReadText(FilePath));
        Assert.Equal([FilePath], Directory.GetFiles(Path.GetDirectoryName(FilePath)!));
    }

    [Fact]
    public void Any_truncation_any_flipped_bit_and_anything_behind_it_is_seen_before_the_content_is_read()
    {
        SnapshotFile.Write(FilePath, to => to.Write("some content"));
        byte[] bytes = File.ReadAllBytes(FilePath);
        List<byte[]> damaged = [[.. bytes, 0], new byte[200], []];
        damaged.AddRange(Enumerable.Range(0, bytes.Length).Select(length => bytes[..length]));
        for (int bit = 0; bit < 8 * bytes.Length; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << bit % 8);
            damaged.Add(flipped);
        }

        foreach (byte[] file in damaged)
        {
            File.WriteAllBytes(FilePath, file);
            Assert.Throws<FormatException>(() => SnapshotFile.Read(FilePath, _ => Assert.Fail("the content is read")));
        }
    }

    [Fact]
    public void Content_that_ends_early_or_late_is_no_content()
    {
        SnapshotFile.Write(FilePath, to => to.Write(1));

        Assert.Throws<FormatException>(() => SnapshotFile.Read(FilePath, from => from.ReadInt16()));
        Assert.Throws<FormatException>(() => SnapshotFile.Read(FilePath, from => from.ReadInt64()));
    }

    [Theory]
    [InlineData(1_000, 5_000, true, 4_000)] // the same start of the machine: the wall clock does not matter
    [InlineData(5_000, 1_000, true, 0)]
    [InlineData(0, 0, false, 3_600_000)] // another start: only the wall clock is left
    public void F10_time_between_two_agents_is_monotonic_while_the_machine_runs_and_never_negative(long before, long after, bool isSameBoot, long elapsed)
    {
        Guid boot = Guid.NewGuid();
        Moment earlier = new(boot, before, 10_000_000);
        Moment later = new(isSameBoot ? boot : Guid.NewGuid(), after, 13_600_000);

        Assert.Equal(elapsed, later.Since(earlier));
        Assert.Equal(0, (later with { Boot = Guid.NewGuid(), Wall = 0 }).Since(earlier)); // set back to 1970
        Assert.Equal(3_600_000, (later with { Boot = Guid.Empty }).Since(earlier with { Boot = Guid.Empty }));
    }
}
