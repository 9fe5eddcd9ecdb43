namespace Agent.Native;

/// <summary>How many descriptors this process may have open (RLIMIT_NOFILE, getrlimit(2)).</summary>
public static unsafe class DescriptorLimit
{
    /// <summary>How many are left to the runtime: without any, its garbage collector takes the machine for out of memory and ends the process.</summary>
    public const int Reserve = 32;

    /// <summary>The first descriptor of the <see cref="Reserve"/>: the kernel gives the lowest that is free.</summary>
    internal static long FirstOfReserve { get; } = Soft - Reserve;

    /// <summary>The soft limit, which the runtime has raised to the hard one at its start.</summary>
    public static long Soft
    {
        get
        {
            Libc.rlimit limit;
            // RLIM_INFINITY is the largest number there is.
            return Libc.getrlimit(Libc.RLIMIT_NOFILE, &limit) == 0 ? (long)Math.Min(limit.rlim_cur, int.MaxValue) : 1024;
        }
    }
}
