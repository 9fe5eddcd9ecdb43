using System.Runtime.InteropServices;

namespace Agent.Native;

/// <summary>The kernel or libbpf refused; the message says what was tried, the error, and what libbpf and the verifier printed.</summary>
public sealed class BpfException(string action, int error, string log)
    : Exception($"cannot {action}: {Marshal.GetPInvokeErrorMessage(error)}{(log.Length > 0 ? Environment.NewLine + log : "")}")
{
    /// <summary>The errno.</summary>
    public int Error { get; } = error;

    internal static BpfException FromLastError(string action) => new(action, Marshal.GetLastPInvokeError(), LibbpfLog.Text());
}
