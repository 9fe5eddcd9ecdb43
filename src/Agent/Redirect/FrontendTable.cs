using System.Net;
using Agent.Configuration;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>A place that a frontend's traffic was sent to before, and is not any more.</summary>
internal sealed record GoneBackend(Endpoint Frontend, Endpoint Backend, BackendRole Role);

internal enum BackendRole
{
    Agent,
    Local,
    Fallback,
}

/// <summary>
/// Writes the frontends and their backends. In an order that never shows the kernel a count without the backends it counts: what is new is written
/// before its count, and what is over deleted after it.
/// </summary>
internal static class FrontendTable
{
    /// <summary>Makes the maps hold these frontends and no others.</summary>
    /// <param name="listen">The agent's addresses; a frontend is served by the first of its family.</param>
    /// <returns>The backends that a frontend had and does not have any more, in whatever role.</returns>
    /// <exception cref="BpfException">A map is full. What was written before it stays, and all that was there and is still wanted.</exception>
    public static IReadOnlyList<GoneBackend> Program(Datapath datapath, IReadOnlyList<FrontendConfiguration> frontends, IReadOnlyList<IPEndPoint> listen)
    {
        Dictionary<Endpoint, Entry> before = datapath.Frontends.Keys().ToDictionary(key => key, key => ReadEntry(datapath, key));
        Dictionary<Endpoint, Entry> wanted = [];
        foreach (FrontendConfiguration frontend in frontends)
        {
            foreach (byte protocol in frontend.Protocols.Select(protocol => (byte)protocol))
                wanted[Endpoint.From(new IPEndPoint(frontend.Address, frontend.Port), protocol)] = Entry.Of(frontend, protocol, listen);
        }

        foreach ((Endpoint key, Entry entry) in wanted)
            Write(datapath, key, entry, before.GetValueOrDefault(key));
        foreach (Endpoint key in before.Keys.Where(key => !wanted.ContainsKey(key)))
            datapath.Frontends.Delete(key);
        // Last of all: a program that read the count before may be about to look into these slots.
        foreach (Endpoint key in before.Keys)
        {
            if (!wanted.ContainsKey(key))
                datapath.Counters.Delete(key);
            DeleteSlots(datapath, key, BackendKind.Local, from: wanted.GetValueOrDefault(key)?.Local.Length ?? 0);
            DeleteSlots(datapath, key, BackendKind.Fallback, from: wanted.GetValueOrDefault(key)?.Fallback.Length ?? 0);
        }

        return [.. before.SelectMany(old => Gone(old.Key, old.Value, wanted.GetValueOrDefault(old.Key)))];
    }

    /// <summary>The frontends that the maps hold, with their backends: what an agent before this one was told.</summary>
    public static IReadOnlyList<FrontendConfiguration> Read(Datapath datapath)
    {
        List<FrontendConfiguration> frontends = [];
        foreach (Endpoint key in datapath.Frontends.Keys())
        {
            Entry entry = ReadEntry(datapath, key);
            IPEndPoint address = key.ToEndPoint();
            frontends.Add(new FrontendConfiguration
            {
                Address = address.Address,
                Port = address.Port,
                Protocols = [(TransportProtocol)key.protocol],
                Local = [.. entry.Local.Select(backend => backend.ToEndPoint())],
                Fallback = [.. entry.Fallback.Select(backend => backend.ToEndPoint())],
                IsServedByAgent = (entry.Flags & FrontendFlags.Agent) != 0,
                IsClusterDns = (entry.Flags & FrontendFlags.ClusterDns) != 0,
                SkipRedirectFromBackend = (entry.Flags & FrontendFlags.Skips) != 0,
            });
        }

        return frontends;
    }

    private static IEnumerable<GoneBackend> Gone(Endpoint key, Entry old, Entry? now)
    {
        HashSet<Endpoint> stay = [.. now?.Backends().Select(backend => backend.EndPoint) ?? []];
        return old.Backends().Where(backend => !stay.Contains(backend.EndPoint)).Select(backend => new GoneBackend(key, backend.EndPoint, backend.Role));
    }

    /// <summary>Writes what differs alone: an element that the kernel replaces can, for a moment, be missed by a program that walks its bucket.</summary>
    private static void Write(Datapath datapath, Endpoint key, Entry entry, Entry? before)
    {
        datapath.Counters.AddPerCpu(key);
        WriteSlots(datapath, key, BackendKind.Local, entry.Local, before?.Local ?? []);
        WriteSlots(datapath, key, BackendKind.Fallback, entry.Fallback, before?.Fallback ?? []);
        if (before != null && entry.HasTheSameHead(before))
            return;
        datapath.Frontends.Update(key, new Frontend
        {
            agent = entry.Agent,
            flags = entry.Flags,
            local_count = (ushort)entry.Local.Length,
            fallback_count = (ushort)entry.Fallback.Length,
        });
    }

    private static void WriteSlots(Datapath datapath, Endpoint frontend, BackendKind kind, Endpoint[] backends, Endpoint[] before)
    {
        for (int slot = 0; slot < backends.Length; slot++)
        {
            if (slot >= before.Length || !before[slot].Equals(backends[slot]))
                datapath.Backends.Update(KeyOf(frontend, kind, slot), backends[slot]);
        }
    }

    private static void DeleteSlots(Datapath datapath, Endpoint frontend, BackendKind kind, int from)
    {
        while (datapath.Backends.Delete(KeyOf(frontend, kind, from)))
            from++;
    }

    private static Entry ReadEntry(Datapath datapath, Endpoint key)
    {
        datapath.Frontends.TryLookup(key, out Frontend frontend);
        return new Entry(
            frontend.flags,
            frontend.agent,
            ReadSlots(datapath, key, BackendKind.Local, frontend.local_count),
            ReadSlots(datapath, key, BackendKind.Fallback, frontend.fallback_count));
    }

    private static Endpoint[] ReadSlots(Datapath datapath, Endpoint frontend, BackendKind kind, int count)
    {
        List<Endpoint> backends = [];
        for (int slot = 0; slot < count; slot++)
        {
            if (datapath.Backends.TryLookup(KeyOf(frontend, kind, slot), out Endpoint backend))
                backends.Add(backend);
        }

        return [.. backends];
    }

    private static BackendKey KeyOf(Endpoint frontend, BackendKind kind, int slot) =>
        new() { frontend = frontend, kind = kind, slot = (ushort)slot };

    /// <summary>What the maps say of one frontend.</summary>
    private sealed record Entry(FrontendFlags Flags, Endpoint Agent, Endpoint[] Local, Endpoint[] Fallback)
    {
        public static Entry Of(FrontendConfiguration frontend, byte protocol, IReadOnlyList<IPEndPoint> listen)
        {
            IPEndPoint? agent = frontend.IsServedByAgent ? listen.FirstOrDefault(endPoint => endPoint.AddressFamily == frontend.Address.AddressFamily) : null;
            return new Entry(
                (agent == null ? FrontendFlags.None : FrontendFlags.Agent)
                    | (frontend.SkipRedirectFromBackend ? FrontendFlags.Skips : FrontendFlags.None)
                    | (frontend.IsClusterDns ? FrontendFlags.ClusterDns : FrontendFlags.None),
                agent == null ? default : Endpoint.From(agent, protocol),
                [.. frontend.Local.Select(endPoint => Endpoint.From(endPoint, protocol))],
                [.. frontend.Fallback.Select(endPoint => Endpoint.From(endPoint, protocol))]);
        }

        public bool HasTheSameHead(Entry other) =>
            (Flags, Local.Length, Fallback.Length) == (other.Flags, other.Local.Length, other.Fallback.Length) && Agent.Equals(other.Agent);

        public IEnumerable<(Endpoint EndPoint, BackendRole Role)> Backends() =>
        [
            .. (IEnumerable<(Endpoint, BackendRole)>)((Flags & FrontendFlags.Agent) != 0 ? [(Agent, BackendRole.Agent)] : []),
            .. Local.Select(backend => (backend, BackendRole.Local)),
            .. Fallback.Select(backend => (backend, BackendRole.Fallback)),
        ];
    }
}
