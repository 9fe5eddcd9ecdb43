using System.Net;
using Agent.Configuration;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>Writes the frontends and their backends. In an order that never shows the kernel a count without the backends it counts.</summary>
internal static class FrontendTable
{
    /// <summary>Makes the maps hold these frontends and no others.</summary>
    /// <param name="listen">The agent's addresses; a frontend is served by the first of its family.</param>
    public static void Program(Datapath datapath, IReadOnlyList<FrontendConfiguration> frontends, IReadOnlyList<IPEndPoint> listen)
    {
        HashSet<Endpoint> wanted = [];
        foreach (FrontendConfiguration frontend in frontends)
        {
            IPEndPoint? agent = listen.FirstOrDefault(endPoint => endPoint.AddressFamily == frontend.Address.AddressFamily);
            foreach (byte protocol in frontend.Protocols.Select(protocol => (byte)protocol))
            {
                Endpoint key = Endpoint.From(new IPEndPoint(frontend.Address, frontend.Port), protocol);
                wanted.Add(key);
                Write(datapath, key, agent, [.. frontend.Fallback.Select(endPoint => Endpoint.From(endPoint, protocol))]);
            }
        }

        foreach (Endpoint gone in datapath.Frontends.Keys().Where(key => !wanted.Contains(key)))
        {
            datapath.Frontends.Delete(gone);
            datapath.Counters.Delete(gone);
            DeleteSlots(datapath, gone, BackendKind.Local, from: 0);
            DeleteSlots(datapath, gone, BackendKind.Fallback, from: 0);
        }
    }

    /// <summary>The frontends that the maps hold, with their fallback: what an agent before this one was told.</summary>
    public static IReadOnlyList<FrontendConfiguration> Read(Datapath datapath)
    {
        List<FrontendConfiguration> frontends = [];
        foreach (Endpoint key in datapath.Frontends.Keys())
        {
            if (!datapath.Frontends.TryLookup(key, out Frontend frontend))
                continue;
            List<IPEndPoint> fallback = [];
            for (int slot = 0; slot < frontend.fallback_count; slot++)
            {
                if (datapath.Backends.TryLookup(KeyOf(key, BackendKind.Fallback, slot), out Endpoint backend))
                    fallback.Add(backend.ToEndPoint());
            }

            IPEndPoint address = key.ToEndPoint();
            frontends.Add(new FrontendConfiguration
            {
                Address = address.Address,
                Port = address.Port,
                Protocols = [(TransportProtocol)key.protocol],
                Fallback = fallback,
            });
        }

        return frontends;
    }

    private static void Write(Datapath datapath, Endpoint key, IPEndPoint? agent, Endpoint[] fallback)
    {
        datapath.Counters.AddPerCpu(key);
        for (int slot = 0; slot < fallback.Length; slot++)
            datapath.Backends.Update(KeyOf(key, BackendKind.Fallback, slot), fallback[slot]);
        datapath.Frontends.Update(key, new Frontend
        {
            agent = agent == null ? default : Endpoint.From(agent, key.protocol),
            flags = agent == null ? FrontendFlags.None : FrontendFlags.Agent,
            fallback_count = (ushort)fallback.Length,
        });
        DeleteSlots(datapath, key, BackendKind.Local, from: 0);
        DeleteSlots(datapath, key, BackendKind.Fallback, from: fallback.Length);
    }

    private static void DeleteSlots(Datapath datapath, Endpoint frontend, BackendKind kind, int from)
    {
        while (datapath.Backends.Delete(KeyOf(frontend, kind, from)))
            from++;
    }

    private static BackendKey KeyOf(Endpoint frontend, BackendKind kind, int slot) =>
        new() { frontend = frontend, kind = kind, slot = (ushort)slot };
}
