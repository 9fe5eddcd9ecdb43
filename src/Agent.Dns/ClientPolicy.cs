namespace Agent.Dns;

/// <summary>What a client may expect.</summary>
public enum ClientVerdict : byte
{
    Admitted,

    /// <summary>REFUSED, by the access list.</summary>
    Denied,

    /// <summary>Silence, by the access list.</summary>
    Dropped,

    /// <summary>REFUSED, for asking too often.</summary>
    Limited,
}

/// <summary>Who may ask, how often, and how much it gets: one policy for all threads and both transports.</summary>
/// <param name="access">Null: everybody.</param>
/// <param name="queries">Null: without limit.</param>
/// <param name="bytes">Of replies; null: without limit.</param>
public sealed class ClientPolicy(AccessList? access, ClientRates? queries, ClientRates? bytes)
{
    /// <summary>Whether a client's connections are not even taken.</summary>
    public bool IsDropped(ClientAddress client) => access?.Find(client) == ClientVerdict.Dropped;

    /// <summary>Judges one query, which counts from then on.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public ClientVerdict Judge(ClientAddress client, long now)
    {
        ClientVerdict verdict = access?.Find(client) ?? ClientVerdict.Admitted;
        bool isLimited = verdict == ClientVerdict.Admitted && queries?.TryTake(client, 1, now) == false;
        return isLimited ? ClientVerdict.Limited : verdict;
    }

    /// <summary>Whether a client may have an answer of this many bytes.</summary>
    public bool TryTakeBytes(ClientAddress client, int length, long now) => bytes?.TryTake(client, length, now) != false;
}
