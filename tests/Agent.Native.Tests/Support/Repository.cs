using System.Diagnostics;

namespace Agent.Native.Tests.Support;

/// <summary>The working tree that these tests were built from, and the programs that they call.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string BpfObject => Path.Combine(Root, "out/bpf/redirect.bpf.o");

    /// <summary>Runs a program to its end; the test fails when the program does, with what it printed.</summary>
    public static string Run(string program, string input, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] += ":/usr/sbin:/sbin"; // bpftool is there
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: {errors.Result}");
        return output;
    }

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory != null && !File.Exists(Path.Combine(directory.FullName, "Agent.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below Agent.sln");
    }
}
