using System.Net;

namespace Agent.Benchmarks.Servers;

internal enum Transport
{
    Udp,
    Tcp,
}

/// <summary>What a server is started for.</summary>
/// <param name="Directory">A fresh directory in memory, its own.</param>
/// <param name="Upstream">Where it forwards all misses to.</param>
/// <param name="Transport">How it forwards them.</param>
/// <param name="Names">It has a cache for at least so many names.</param>
internal sealed record ServerSetup(string Directory, IPEndPoint Upstream, Transport Transport, int Names);

/// <summary>A DNS server that takes part: how it is found, configured and started.</summary>
internal abstract class Server
{
    public const int Core = 0;
    private const int Port = 5300;

    /// <summary>As the table shows it and --servers takes it.</summary>
    public abstract string Name { get; }

    /// <summary>One of 127.0.0.0/8 for each, so that all can be up at once on the same port.</summary>
    protected abstract byte LastOctet { get; }

    public IPEndPoint Address => new(new IPAddress([127, 0, 0, LastOctet]), Port);

    /// <summary>The path of its executable; null if it is absent.</summary>
    public abstract string? Executable { get; }

    /// <summary>The arguments that make it print its version.</summary>
    protected abstract string[] VersionArguments { get; }

    /// <summary>Why it cannot forward over this transport; null if it can.</summary>
    public virtual string? Declines(Transport upstream) => null;

    /// <summary>Writes the configuration into the setup's directory and returns the command.</summary>
    protected abstract string[] Configure(ServerSetup setup);

    public Child Start(ServerSetup setup, int core = Core) => new(core, setup.Directory, Configure(setup));

    /// <summary>Starts what shall run beside it once it answers; null: nothing.</summary>
    public virtual Child? Accompany(ServerSetup setup, Child server) => null;

    /// <summary>The line of its version output that says it, or what went wrong.</summary>
    public virtual string Version()
    {
        if (Executable is null)
            return "absent";
        using var child = new Child(Core, "/", [Executable, .. VersionArguments]);
        child.Wait(TimeSpan.FromSeconds(10));
        return child.Output.FirstOrDefault(IsVersion) ?? "no version";
    }

    /// <summary>Whether a line of that output is the one that says it.</summary>
    protected virtual bool IsVersion(string line) => line.Any(char.IsAsciiDigit);

    protected static string Write(ServerSetup setup, string file, string text)
    {
        string path = Path.Combine(setup.Directory, file);
        File.WriteAllText(path, text);
        return path;
    }
}
