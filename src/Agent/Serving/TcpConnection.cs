using System.Buffers.Binary;
using Agent.Native;

namespace Agent.Serving;

/// <summary>One client's TCP connection: messages with their lengths in, replies out in any order (RFC 7766 section 6.2.1.1).</summary>
internal sealed class TcpConnection(NativeSocket socket, SockAddr client, ulong token, long now)
{
    // What one connection may keep the agent busy with before no more of its queries are taken.
    private const int PauseAtBytes = 128 * 1024; // replies that wait for the client
    private const int PauseAtPending = 128; // queries that wait for an upstream
    private const int MaxOutput = 512 * 1024; // replies that came in together from upstreams; past that the connection is closed

    private const int MaxMessage = 4096; // bytes; no query needs more
    private const long Idle = 10_000; // milliseconds (RFC 7766 section 6.2.3 leaves it to the server)
    private const long MessageDeadline = 2_000; // from a message's first byte to its last
    private const long WriteDeadline = 5_000;

    private byte[] _input = new byte[2 + MaxMessage];
    private byte[] _output = [];
    private int _inputLength;
    private int _outputLength;
    private long _messageSince = now;
    private long _active = now;
    private bool _hasAsked;

    public NativeSocket Socket => socket;

    public SockAddr Client => client;

    public ulong Token => token;

    /// <summary>Queries that wait for an upstream.</summary>
    public int Pending { get; set; }

    /// <summary>Whether the client sends no more; what it asked is still answered.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>What the poller was told to watch.</summary>
    public PollEvents Watched { get; set; } = PollEvents.Readable;

    public bool IsClosed { get; private set; }

    /// <summary>Whether more replies wait than one client may have the agent keep.</summary>
    public bool IsOverfull => _outputLength > MaxOutput;

    public bool HasOutput => _outputLength > 0;

    public bool IsPaused => _outputLength >= PauseAtBytes || Pending >= PauseAtPending;

    /// <summary>Whether the client waits for something, or has not asked anything yet.</summary>
    public bool IsOwed => !_hasAsked || Pending > 0 || HasOutput || _inputLength > 0;

    public bool IsDone => HasEnded && Pending == 0 && !HasOutput && !IsHeld;

    /// <summary>Whether it paused with queries read that are not answered yet.</summary>
    public bool IsHeld { get; set; }

    public bool IsOverdue(long now) =>
        HasOutput ? now - _active > WriteDeadline
        : _inputLength > 0 && !IsHeld ? now - _messageSince > MessageDeadline
        : Pending == 0 && now - _active > Idle;

    /// <summary>Reads what is there, once.</summary>
    /// <returns>False when the connection is broken, or has ended with nothing owed.</returns>
    public bool TryReceive(long now)
    {
        int received = socket.Receive(_input.AsSpan(_inputLength));
        HasEnded |= received < 0;
        if (received <= 0)
            return received == 0 || Pending > 0 || HasOutput;
        if (_inputLength == 0)
            _messageSince = now;
        _inputLength += received;
        _active = now;
        return true;
    }

    /// <summary>Takes the next whole message at <paramref name="offset"/>; valid until <see cref="Keep"/>.</summary>
    /// <param name="isMalformed">Whether the length is one that no query has.</param>
    public bool TryTake(ref int offset, out ReadOnlySpan<byte> message, out bool isMalformed)
    {
        message = default;
        ReadOnlySpan<byte> left = _input.AsSpan(offset, _inputLength - offset);
        int length = left.Length < 2 ? MaxMessage : BinaryPrimitives.ReadUInt16BigEndian(left);
        isMalformed = length is < Dns.Header.Size or > MaxMessage;
        if (isMalformed || left.Length < 2 + length)
            return false;
        message = left.Slice(2, length);
        _hasAsked = true;
        offset += 2 + length;
        return true;
    }

    /// <summary>Keeps what is left from <paramref name="offset"/> on for later.</summary>
    public void Keep(int offset, long now)
    {
        if (offset == 0)
            return;
        _messageSince = now;
        _input.AsSpan(offset, _inputLength - offset).CopyTo(_input);
        _inputLength -= offset;
    }

    /// <summary>Closes the socket and lets go of the buffers; queries that still wait for an upstream refer to this object.</summary>
    public void Close()
    {
        IsClosed = true;
        socket.Close();
        _input = _output = [];
    }

    public void Queue(ReadOnlySpan<byte> reply)
    {
        int needed = _outputLength + 2 + reply.Length;
        if (needed > _output.Length)
            Array.Resize(ref _output, Math.Max(needed, 2 * _output.Length));
        BinaryPrimitives.WriteUInt16BigEndian(_output.AsSpan(_outputLength), (ushort)reply.Length);
        reply.CopyTo(_output.AsSpan(_outputLength + 2));
        _outputLength = needed;
    }

    /// <summary>Writes what is queued, as far as the client takes it.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool TryFlush(long now)
    {
        int sent = socket.Send(_output.AsSpan(0, _outputLength));
        if (sent < 0)
            return false;
        if (sent > 0)
            _active = now;
        _output.AsSpan(sent, _outputLength - sent).CopyTo(_output);
        _outputLength -= sent;
        if (_outputLength == 0 && _output.Length > PauseAtBytes)
            _output = []; // one burst of large answers must not keep its memory
        return true;
    }
}
