using Agent.Dns;
using Agent.Native;

namespace Agent.Serving;

/// <summary>
/// Counts one serving thread's queries by the namespace of who asked. Written by that thread alone; a client that was seen lately costs one
/// comparison. Counts nothing until it is told who the clients are.
/// </summary>
internal sealed class NamespaceCounter
{
    private const int PlaceBits = 8;

    private volatile ClientNamespaces? _clients;
    private ClientNamespaces? _known; // what the places were filled from
    private Place[] _places = [];
    private long[] _counts = [];

    /// <param name="index">See <see cref="NamespaceSlots"/>.</param>
    public long this[int index]
    {
        get
        {
            long[] counts = Volatile.Read(ref _counts);
            return index < counts.Length ? Volatile.Read(ref counts[index]) : 0;
        }
    }

    /// <summary>Goes by other clients from the next query on; for any thread.</summary>
    public void Know(ClientNamespaces clients) => _clients = clients;

    public void Count(in SockAddr client)
    {
        ClientNamespaces? clients = _clients;
        if (clients == null)
            return;
        if (clients != _known)
            Take(clients);
        ClientAddress address = ClientAddress.From(client.AddressBytes);
        ref Place place = ref _places[(ulong)address.Value * 0x9E3779B97F4A7C15 >> (64 - PlaceBits)];
        if (place.Address != address)
            place = new Place(address, clients.IndexOf(address));
        _counts[place.Index]++;
    }

    private void Take(ClientNamespaces clients)
    {
        _known = clients;
        // The address :: that an empty place has is nobody's, and unknown.
        _places = new Place[1 << PlaceBits];
        if (_counts.Length == 0)
            Volatile.Write(ref _counts, new long[NamespaceSlots.Count]);
    }

    private readonly record struct Place(ClientAddress Address, int Index);
}
