namespace Agent.Tests.Configuration;

/// <summary>A file that is gone when disposed.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(ReadOnlySpan<byte> content) => File.WriteAllBytes(Path, content);

    public string Path { get; } = System.IO.Path.GetTempFileName();

    public void Dispose() => File.Delete(Path);
}
