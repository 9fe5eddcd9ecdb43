namespace Agent.Snapshots;

/// <summary>A point in time that an agent started later, perhaps after a reboot, can tell its distance from.</summary>
/// <param name="Boot">Which start of the machine <paramref name="Monotonic"/> counts from; empty: unknown.</param>
/// <param name="Monotonic">Milliseconds.</param>
/// <param name="Wall">Milliseconds since 1970, UTC.</param>
internal readonly record struct Moment(Guid Boot, long Monotonic, long Wall)
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    private const long LastWall = 253_402_300_799_999; // the end of the year 9999

    public static Moment Now() => new(ReadBoot(), Environment.TickCount64, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    public DateTimeOffset Date => DateTimeOffset.FromUnixTimeMilliseconds(Wall);

    /// <summary>
    /// Milliseconds since an earlier moment, at least 0. Of the same start of the machine, whatever the wall clock did meanwhile; else as the wall
    /// clock has it, where one that was set back makes it too little, never negative.
    /// </summary>
    public long Since(Moment earlier) =>
        Math.Max(0, Boot == earlier.Boot && Boot != Guid.Empty ? Monotonic - earlier.Monotonic : Wall - earlier.Wall);

    public void Write(BinaryWriter to)
    {
        to.Write(Boot.ToByteArray());
        to.Write(Monotonic);
        to.Write(Wall);
    }

    /// <exception cref="FormatException">There is no such moment.</exception>
    public static Moment Read(BinaryReader from)
    {
        byte[] boot = new byte[16];
        from.BaseStream.ReadExactly(boot);
        Moment read = new(new Guid(boot), from.ReadInt64(), from.ReadInt64());
        return read is { Monotonic: >= 0, Wall: >= 0 and <= LastWall } ? read : throw new FormatException("a time that cannot be");
    }

    private static Guid ReadBoot()
    {
        try
        {
            return Guid.TryParse(File.ReadAllText(BootIdFile), out Guid boot) ? boot : Guid.Empty;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Guid.Empty;
        }
    }
}
