using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Agent.Native;

namespace Agent.Forwarding;

/// <summary>
/// One pipelined TCP connection to a server (RFC 7766 section 6.2.1.1): queries are gathered and written once a batch, responses come in any
/// order. For one thread.
/// </summary>
internal sealed class TcpUpstream(Upstream upstream, NativeSocket socket, ulong token)
{
    private const int MaxQueued = 256 * 1024; // bytes not yet taken by a slow server
    private const int MaxFrame = 2 + ushort.MaxValue;
    private const long Silence = 2_000; // milliseconds
    private const long Idle = 9_000; // below the 10 s after which servers close (CoreDNS, RFC 7766 section 6.2.3)

    private readonly Dictionary<ushort, Flight> _pending = [];
    private byte[] _output = new byte[4096];
    private byte[] _input = new byte[16384];
    private int _outputLength;
    private int _inputLength;
    private long _lastChange;

    public Upstream Upstream => upstream;

    public NativeSocket Socket => socket;

    public ulong Token => token;

    /// <summary>Whether the server has ever sent something here: if not, losing the connection is its failure.</summary>
    public bool HasHeard { get; private set; }

    /// <summary>Whether the poller is to tell when the kernel takes more; so until the connection is established.</summary>
    public bool WaitsToWrite { get; set; } = true;

    public bool HasOutput => _outputLength > 0;

    public bool IsIdle(long now) => _pending.Count == 0 && now - _lastChange > Idle;

    /// <summary>Whether queries wait and nothing has come for long: the server hangs, or is not reached.</summary>
    public bool IsSilent(long now) => _pending.Count > 0 && now - _lastChange > Silence;

    public bool IsFree(ushort id) => !_pending.ContainsKey(id);

    /// <summary>Queues a query; false when the server takes too little.</summary>
    public bool TryQueue(Flight flight, ReadOnlySpan<byte> query, ushort id, long now)
    {
        int needed = _outputLength + 2 + query.Length;
        if (needed > MaxQueued)
            return false;
        if (needed > _output.Length)
            Array.Resize(ref _output, Math.Max(needed, 2 * _output.Length));
        BinaryPrimitives.WriteUInt16BigEndian(_output.AsSpan(_outputLength), (ushort)query.Length);
        query.CopyTo(_output.AsSpan(_outputLength + 2));
        _outputLength = needed;
        if (_pending.Count == 0)
            _lastChange = now;
        _pending.Add(id, flight);
        return true;
    }

    /// <summary>Writes what is queued.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool TryFlush()
    {
        int sent = socket.Send(_output.AsSpan(0, _outputLength));
        if (sent < 0)
            return false;
        _output.AsSpan(sent, _outputLength - sent).CopyTo(_output);
        _outputLength -= sent;
        return true;
    }

    /// <summary>Reads what is there, once.</summary>
    /// <returns>False when the server closed the connection or it is broken.</returns>
    public bool TryReceive(long now)
    {
        if (_inputLength == _input.Length)
            Array.Resize(ref _input, MaxFrame);
        int received = socket.Receive(_input.AsSpan(_inputLength));
        if (received > 0)
        {
            _inputLength += received;
            _lastChange = now;
            HasHeard = true;
        }

        return received >= 0;
    }

    /// <summary>Takes the next whole response; valid until the next <see cref="TryReceive"/>.</summary>
    public bool TryTake(ref int offset, out ReadOnlySpan<byte> response)
    {
        response = default;
        ReadOnlySpan<byte> left = _input.AsSpan(offset, _inputLength - offset);
        int length = left.Length < 2 ? ushort.MaxValue : BinaryPrimitives.ReadUInt16BigEndian(left);
        if (left.Length < 2 + length)
        {
            left.CopyTo(_input);
            _inputLength = left.Length;
            return false;
        }

        response = left.Slice(2, length);
        offset += 2 + length;
        return true;
    }

    /// <summary>The flight that waits for this ID; false when none does any more.</summary>
    public bool TryFind(ushort id, [NotNullWhen(true)] out Flight? flight) => _pending.TryGetValue(id, out flight);

    public void Forget(ushort id) => _pending.Remove(id);

    /// <summary>The flights that wait here.</summary>
    public Flight[] Pending() => [.. _pending.Values.Distinct()];
}
