using System.Diagnostics;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

/// <summary>Prometheus's own opinion, from Debian's package <c>prometheus</c>, which <c>make setup</c> installs.</summary>
internal static class Promtool
{
    public static async Task<(int Status, string Output)> Run(string[] arguments, string input = "", string? directory = null)
    {
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo("promtool", arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = directory ?? "",
            },
        };
        process.Start();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using CancellationTokenSource timeout = new(Wait.Long);
        await process.WaitForExitAsync(timeout.Token);
        return (process.ExitCode, await output + await error);
    }
}
