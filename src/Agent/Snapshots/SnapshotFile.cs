using System.Security.Cryptography;

namespace Agent.Snapshots;

/// <summary>
/// A file that is replaced whole and believed whole or not at all: a name and version of the format, the content, and the SHA-256 of both.
/// For its owner alone: it tells which names were asked.
/// </summary>
internal static class SnapshotFile
{
    /// <summary>Bytes: more is neither written nor read.</summary>
    public const long MaxSize = 512L << 20;

    private const int BufferSize = 64 * 1024;

    // To be changed with whatever changes in the content: another version's file is not read.
    private static ReadOnlySpan<byte> Format => "lra snapshot 1\n"u8;

    /// <summary>Writes another file and puts it in this one's place, so that there is one whatever happens meanwhile.</summary>
    /// <exception cref="IOException">It cannot be written; what was there stays.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static void Write(string path, Action<BinaryWriter> write)
    {
        string next = $"{path}.{Guid.NewGuid():N}.new"; // of its own: while one agent takes over from another, both write
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        RemoveLeftovers(path);
        try
        {
            using FileStream file = Create(next);
            WriteTo(file, write);
            file.Flush(flushToDisk: true); // else the new name may survive a power cut without the content
            File.Move(next, path, overwrite: true); // while it is open, and thus locked
        }
        catch
        {
            File.Delete(next);
            throw;
        }
    }

    /// <summary>Reads the content, once its checksum is found to be right.</summary>
    /// <exception cref="FormatException">It is damaged, or of another version.</exception>
    /// <exception cref="IOException">It cannot be read, or is shorter than its content.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public static void Read(string path, Action<BinaryReader> read)
    {
        FileInfo info = new(path);
        if (info.Exists && info.Length == 0)
            throw new FormatException("it is empty"); // or a pipe, which would keep the start waiting
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, BufferSize);
        long end = file.Length - SHA256.HashSizeInBytes;
        if (end < Format.Length || file.Length > MaxSize)
            throw new FormatException($"{file.Length} bytes are none of this agent's snapshots");
        Span<byte> format = stackalloc byte[Format.Length];
        file.ReadExactly(format);
        if (!format.SequenceEqual(Format))
            throw new FormatException("it is of another format or version");
        if (!HasChecksum(file, end))
            throw new FormatException("its checksum is wrong");
        file.Position = Format.Length;
        using BinaryReader reader = new(file);
        read(reader);
        if (file.Position != end)
            throw new FormatException("it does not end where its content does");
    }

    /// <summary>Removes what agents left that were killed while they wrote. What is being written is locked (.NET's FileShare is flock(2)).</summary>
    private static void RemoveLeftovers(string path)
    {
        foreach (string leftover in Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + ".*new"))
        {
            try
            {
                using FileStream file = new(leftover, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(leftover);
            }
            catch (IOException)
            {
                // Being written, or put into its place meanwhile.
            }
        }
    }

    private static FileStream Create(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.Write,
        Share = FileShare.Read, // a shared lock: who reads the file just after it was put into its place is not refused
        BufferSize = BufferSize,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });

    private static void WriteTo(FileStream file, Action<BinaryWriter> write)
    {
        using SHA256 hash = SHA256.Create();
        using (CryptoStream hashed = new(file, hash, CryptoStreamMode.Write, leaveOpen: true))
        using (BufferedStream buffered = new(hashed, BufferSize))
        using (BinaryWriter writer = new(buffered))
        {
            writer.Write(Format);
            write(writer);
        }

        file.Write(hash.Hash!);
        if (file.Length > MaxSize)
            throw new IOException($"{file.Length} bytes are more than a snapshot may have");
    }

    private static bool HasChecksum(FileStream file, long end)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BufferSize];
        file.Position = 0;
        for (long left = end; left > 0;)
        {
            int read = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            if (read == 0)
                return false;
            hash.AppendData(buffer, 0, read);
            left -= read;
        }

        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        file.ReadExactly(expected);
        return hash.GetHashAndReset().AsSpan().SequenceEqual(expected);
    }
}
