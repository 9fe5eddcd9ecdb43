namespace Agent.Fuzz;

/// <summary>The kept inputs of each target: <c>corpus/NAME.txt</c>, one in hexadecimal digits a line, <c>#</c> before a remark.</summary>
public static class Corpus
{
    /// <summary>The inputs that stand beside the built program.</summary>
    public static IReadOnlyList<byte[]> Read(Target target) => Read(Path.Combine(AppContext.BaseDirectory, "corpus", target.Name + ".txt"));

    /// <summary>Adds inputs to the corpus in the working tree.</summary>
    internal static void Add(Target target, IEnumerable<byte[]> inputs) => File.AppendAllLines(SourceOf(target), inputs.Select(Convert.ToHexString));

    private static List<byte[]> Read(string path) =>
    [
        .. File.Exists(path)
            ? File.ReadLines(path).Select(line => line.Split('#')[0].Trim()).Where(line => line.Length > 0).Select(Convert.FromHexString)
            : [],
    ];

    private static string SourceOf(Target target) => Path.Combine(Repository.Root, "tests", "Agent.Fuzz", "corpus", target.Name + ".txt");
}

/// <summary>The working tree that this program was built in.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Agent.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new DirectoryNotFoundException("Agent.sln is in no directory above this program");
    }
}
