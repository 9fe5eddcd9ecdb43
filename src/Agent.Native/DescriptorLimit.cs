namespace Agent.Native;

/// <summary>How many descriptors this process may have open (RLIMIT_NOFILE, getrlimit(2)).</summary>
public static unsafe class DescriptorLimit
{
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
