using Agent.Dns;

namespace Agent.Cluster;

/// <summary>What a Service's object says, in the terms of its names.</summary>
internal sealed record DeclaredService(ClusterServiceKind Kind)
{
    public bool PublishesNotReady { get; init; }

    public byte[][] Addresses { get; init; } = [];

    public ClusterPort[] Ports { get; init; } = [];

    public byte[] Target { get; init; } = [];
}

/// <summary>The objects that make up one Service, which come and go one by one.</summary>
internal sealed class ServiceParts(byte[] key)
{
    private (string Name, ClusterEndpoints Endpoints)[] _slices = [];

    public byte[] Key => key;

    /// <summary>Null: there are only endpoints.</summary>
    public DeclaredService? Declared { get; set; }

    public bool IsEmpty => Declared == null && _slices.Length == 0;

    /// <param name="endpoints">Null: the slice is gone.</param>
    public void SetSlice(string name, ClusterEndpoints? endpoints)
    {
        int at = Array.FindIndex(_slices, slice => slice.Name == name);
        if (endpoints == null)
            _slices = [.. _slices.Where(slice => slice.Name != name)];
        else if (at < 0)
            _slices = [.. _slices, (name, endpoints)];
        else
            _slices[at].Endpoints = endpoints;
    }

    public ClusterService ToService()
    {
        DeclaredService declared = Declared ?? new DeclaredService(ClusterServiceKind.None);
        return new ClusterService(key, declared.Kind, declared.PublishesNotReady, _slices.Select(slice => slice.Endpoints))
        {
            Addresses = declared.Addresses,
            Ports = declared.Ports,
            Target = declared.Target,
        };
    }
}
