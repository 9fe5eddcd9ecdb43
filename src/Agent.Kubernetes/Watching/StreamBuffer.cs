namespace Agent.Kubernetes.Watching;

/// <summary>The bytes of a response that are read and not yet used, in one piece.</summary>
internal sealed class StreamBuffer(Stream stream, int initialSize)
{
    /// <summary>etcd takes no object above a few MiB: what is larger is no object.</summary>
    private const int MaxSize = 32 << 20;

    private byte[] _bytes = new byte[initialSize];
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Unused => _bytes.AsSpan(_start, _end - _start);

    public void Use(int count) => _start += count;

    /// <summary>Reads whatever comes next; false at the end of the stream.</summary>
    /// <exception cref="TimeoutException">Nothing came for so long.</exception>
    /// <exception cref="InvalidDataException">One object or line is larger than anything that is stored.</exception>
    public async ValueTask<bool> ReadSome(TimeSpan patience, CancellationToken stop)
    {
        MakeRoom();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(patience);
        try
        {
            int read = await stream.ReadAsync(_bytes.AsMemory(_end), limit.Token).ConfigureAwait(false);
            _end += read;
            return read > 0;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new TimeoutException($"the API server sent nothing more for {patience.TotalSeconds:F0} s");
        }
    }

    /// <summary>Reads until the buffer is full, so that what is scanned anew each time at least doubles; false at the end of the stream.</summary>
    public async ValueTask<bool> Fill(TimeSpan patience, CancellationToken stop)
    {
        do
        {
            if (!await ReadSome(patience, stop).ConfigureAwait(false))
                return false;
        }
        while (_end < _bytes.Length);
        return true;
    }

    private void MakeRoom()
    {
        int unused = _end - _start;
        if (unused == _bytes.Length)
        {
            if (unused >= MaxSize)
                throw new InvalidDataException($"the API server sent an object larger than {MaxSize >> 20} MiB");
            Array.Resize(ref _bytes, unused * 2);
        }
        else if (unused == 0 && _bytes.Length > initialSize)
        {
            _bytes = new byte[initialSize];
        }
        else
        {
            Unused.CopyTo(_bytes);
        }
        (_start, _end) = (0, unused);
    }
}
