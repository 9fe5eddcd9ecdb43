using System.ComponentModel;
using System.Security.Cryptography;
using Agent.Native;

namespace Agent.Configuration;

/// <summary>
/// Looks at the configuration file every second and tells when its content has changed: a ConfigMap's symbolic links, an editor's new file and a
/// file that is written over are all the same to it.
/// </summary>
internal sealed class ConfigurationWatch : IDisposable
{
    private const int NoDescriptors = 24; // EMFILE, which IOException has as its HResult

    private readonly string _path;
    private readonly Action _changed;
    private readonly Timer _timer;
    private readonly Lock _lock = new();
    private string? _known;
    private string? _seen;

    /// <param name="changed">Called on a thread of the pool, never twice at a time.</param>
    public ConfigurationWatch(string path, Action changed)
    {
        _path = path;
        _changed = changed;
        _known = _seen = Fingerprint(path);
        _timer = new Timer(_ => Look(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public void Dispose()
    {
        using ManualResetEvent ended = new(false);
        if (_timer.Dispose(ended))
            ended.WaitOne(TimeSpan.FromSeconds(2));
    }

    /// <summary>What tells one content from another, or why it cannot be read. A pipe was read once, and is always the same.</summary>
    /// <returns>Null: this process has no descriptor left to look with.</returns>
    private static string? Fingerprint(string path)
    {
        try
        {
            if (!FileIdentity.IsRegular(path))
                return "";
            using FileStream file = File.OpenRead(path);
            return file.Length > ConfigurationFile.MaxBytes ? $"{file.Length} bytes" : Convert.ToHexString(SHA256.HashData(file));
        }
        catch (IOException error) when (error.HResult == NoDescriptors)
        {
            return null;
        }
        catch (Exception error) when (error is Win32Exception or IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    private void Look()
    {
        if (!_lock.TryEnter())
            return;
        try
        {
            // Clients who use up the descriptors have not changed the file, and to read it now could only fail.
            if (Fingerprint(_path) is not { } found)
                return;
            // Twice the same: who writes a file piece by piece has come to the end.
            bool isSettled = found == _seen;
            _seen = found;
            if (!isSettled || found == _known)
                return;
            _known = found;
            _changed();
        }
        finally
        {
            _lock.Exit();
        }
    }
}
