namespace Agent.Kubernetes.Access;

/// <summary>Small files whose mistakes name them.</summary>
internal static class Files
{
    private const int MaxBytes = 4 << 20;

    /// <exception cref="AccessException">With the path and why it cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            FileInfo file = new(path);
            return file is { Exists: true, LinkTarget: null, Length: > MaxBytes }
                ? throw new AccessException($"{path}: is larger than {MaxBytes >> 20} MiB")
                : File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new AccessException($"{path}: {WhyUnreadable(path, exception)}", exception);
        }
    }

    private static string WhyUnreadable(string path, Exception exception) => exception switch
    {
        _ when Directory.Exists(path) => "is a directory",
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException => $"may not be read by user {Environment.UserName}",
        _ => $"cannot be read: {exception.Message}",
    };
}
