using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>Standard output without a buffer: <see cref="Console.Out"/> goes on in silence when nobody reads any more.</summary>
public static unsafe class StandardOutput
{
    private const int Descriptor = 1;

    /// <summary>Writes all of it.</summary>
    /// <returns>False: nobody takes it, as after <c>| head</c>.</returns>
    public static bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint written;
            fixed (byte* pointer = bytes)
                written = Libc.write(Descriptor, pointer, (nuint)bytes.Length);
            if (written < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                return false;
            bytes = bytes[(int)Math.Max(0, written)..];
        }

        return true;
    }
}
