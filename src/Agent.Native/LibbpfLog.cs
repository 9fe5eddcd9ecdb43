using System.Runtime.InteropServices;
using System.Text;

namespace Agent.Native;

/// <summary>Collects what libbpf prints as warnings, the verifier log among it, so that an error can carry it to the user.</summary>
internal static unsafe class LibbpfLog
{
    private const int WarnLevel = 0;
    private const int LineSize = 64 * 1024; // a verifier log arrives in one call

    private static readonly Lock Gate = new();
    private static readonly StringBuilder Warnings = new();
    private static bool s_installed;

    /// <summary>Forgets earlier warnings; from now on libbpf prints here instead of to standard error.</summary>
    internal static void Begin()
    {
        lock (Gate)
        {
            Warnings.Clear();
            if (!s_installed)
                Libbpf.libbpf_set_print(&Print);
            s_installed = true;
        }
    }

    /// <summary>The warnings since <see cref="Begin"/>, one a line.</summary>
    internal static string Text()
    {
        lock (Gate)
            return Warnings.ToString().TrimEnd();
    }

    [UnmanagedCallersOnly]
    private static int Print(int level, byte* format, void* arguments)
    {
        if (level != WarnLevel)
            return 0;
        byte* line = (byte*)NativeMemory.Alloc(LineSize);
        int length = Libc.vsnprintf(line, LineSize, format, arguments);
        lock (Gate)
            Warnings.Append(Encoding.UTF8.GetString(line, Math.Clamp(length, 0, LineSize - 1)));
        NativeMemory.Free(line);
        return length;
    }
}
