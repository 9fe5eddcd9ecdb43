using System.Diagnostics.CodeAnalysis;
using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>The questions that one thread has on their way, found by key and by slot.</summary>
internal sealed class Flights
{
    private const int MaxFree = 1024;

    private readonly HashSet<Flight> _active;
    private readonly HashSet<Flight>.AlternateLookup<ReadOnlySpan<byte>> _byKey;
    private readonly Stack<Flight> _free = new();

    private readonly SipHash _hash;

    /// <param name="hash">Hashes keys, in all threads alike.</param>
    public Flights(SipHash hash)
    {
        _hash = hash;
        _active = new HashSet<Flight>(new KeyComparer(hash));
        _byKey = _active.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public HashSet<Flight> Active => _active;

    public bool TryFind(ReadOnlySpan<byte> key, [NotNullWhen(true)] out Flight? flight) => _byKey.TryGetValue(key, out flight);

    public Flight Add(ReadOnlySpan<byte> key, Route route, long deadline)
    {
        if (!_free.TryPop(out Flight? flight))
            flight = new Flight();
        flight.Begin(key, route, deadline);
        flight.Hash = _hash.Compute(key);
        _active.Add(flight);
        return flight;
    }

    public void Remove(Flight flight)
    {
        _active.Remove(flight);
        flight.End();
        if (_free.Count < MaxFree)
            _free.Push(flight);
    }

    private sealed class KeyComparer(SipHash hash) : IEqualityComparer<Flight>, IAlternateEqualityComparer<ReadOnlySpan<byte>, Flight>
    {
        public bool Equals(Flight? x, Flight? y) => ReferenceEquals(x, y);

        public int GetHashCode(Flight flight) => (int)flight.Hash;

        public bool Equals(ReadOnlySpan<byte> key, Flight flight) => flight.Key.SequenceEqual(key);

        public int GetHashCode(ReadOnlySpan<byte> key) => (int)hash.Compute(key);

        public Flight Create(ReadOnlySpan<byte> key) => throw new NotSupportedException("a flight needs more than a key");
    }
}
