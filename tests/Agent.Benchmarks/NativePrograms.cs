namespace Agent.Benchmarks;

/// <summary>The bench's own C programs, compiled into out/bench/ when their sources are newer.</summary>
internal static class NativePrograms
{
    public static string Repository { get; } = FindRepository();

    public static string Constant => Path.Combine(_output, "constant");

    public static string Load => Path.Combine(_output, "load");

    private static readonly string _output = Path.Combine(Repository, "out/bench");

    public static void Build()
    {
        string sources = Path.Combine(Repository, "tests/Agent.Benchmarks/native");
        using var make = new Child(core: 0, sources, "make", "-s", $"OUT={_output}");
        if (!make.Wait(TimeSpan.FromMinutes(2)) || make.ExitCode != 0)
            throw new BenchException($"make -C {sources} failed:\n{string.Join('\n', make.Output)}");
    }

    private static string FindRepository()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Agent.sln")))
                return directory;
        }
        throw new BenchException($"no Agent.sln above {AppContext.BaseDirectory}: the bench runs from its repository");
    }
}
