using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>
/// Whether a server brings the questions of one zone back to this agent (P36): from time to time it is asked for a name that nobody else can
/// know, and that must not come in as a client's question. For all threads.
/// </summary>
/// <param name="zone">The route's, in wire form: a server may loop for one zone and answer another.</param>
internal sealed class LoopCheck(Server server, byte[] zone)
{
    /// <summary>Milliseconds in which the question comes back, if it does.</summary>
    public const long Patience = 2_000;

    private const int NonceLength = 32; // hexadecimal digits
    private const long FirstWithin = 5_000; // milliseconds after the first use
    private const long Interval = 300_000;
    private const long IntervalOfLoop = 30_000;

    private Attempt? _attempt;
    private long _dueAt; // 0: never used
    private volatile bool _isLoop;

    public Server Server => server;

    /// <summary>Whether the server must not be asked for the zone.</summary>
    public bool IsLoop => _isLoop;

    /// <summary>Whether a question can be a check at all.</summary>
    public static bool MayBeCheck(in Query query) => query.Type == RecordType.Hinfo && query.Name[0] == NonceLength;

    /// <summary>Monotonic milliseconds: sets when the next check is due.</summary>
    public void Plan(long at) => Volatile.Write(ref _dueAt, at);

    /// <summary>Begins a check when one is due; for one thread.</summary>
    /// <param name="attempt">The question, to be sent to the server now, and to be given to <see cref="End"/> <see cref="Patience"/> later.</param>
    public bool TryBegin(long now, [NotNullWhen(true)] out Attempt? attempt)
    {
        attempt = null;
        long due = Volatile.Read(ref _dueAt);
        if (due == 0 && server.IsUsed)
            Interlocked.CompareExchange(ref _dueAt, now + Jitter.Within(FirstWithin), due);
        bool isPossible = 1 + NonceLength + zone.Length <= DnsName.MaxLength;
        if (due == 0 || now < due || !isPossible)
            return false;
        long next = now + Jitter.Shorten(_isLoop ? IntervalOfLoop : Interval);
        if (Interlocked.CompareExchange(ref _dueAt, next, due) != due)
            return false;
        Volatile.Write(ref _attempt, attempt = new Attempt(zone));
        return true;
    }

    /// <summary>Takes notice of a client's question; while the answer is true, the server is a loop.</summary>
    public bool CameBack(ReadOnlySpan<byte> name, long now)
    {
        if (Volatile.Read(ref _attempt) is not { } attempt || !name.SequenceEqual(attempt.Name))
            return false;
        attempt.HasComeBack = true;
        if (!_isLoop)
            Plan(now + Jitter.Shorten(IntervalOfLoop));
        _isLoop = true;
        return true;
    }

    public void End(Attempt attempt) => _isLoop = attempt.HasComeBack;

    /// <summary>One question of which only this agent and whom it asks know.</summary>
    internal sealed class Attempt
    {
        private readonly byte[] _key;

        public Attempt(byte[] zone)
        {
            string nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NonceLength / 2));
            _key = [NonceLength, .. Encoding.ASCII.GetBytes(nonce), .. zone, 0, 1, (byte)KeyFlags.Own, 0, (byte)RecordType.Hinfo];
        }

        public ReadOnlySpan<byte> Key => _key;

        public ReadOnlySpan<byte> Name => _key.AsSpan(0, _key.Length - 5);

        public bool HasComeBack { get; set; }
    }
}
