using System.Net;
using Agent.Cluster;
using Agent.Kubernetes;
using Agent.Kubernetes.Watching;

namespace Agent.Tests.Cluster;

public class ServiceIndexTests
{
    private static readonly ObjectKey _web = new("default", "web");
    private static readonly ObjectKey _api = new("default", "api");

    private readonly ServiceIndex _index = new();

    [Fact]
    public void A_Service_is_found_by_its_key_and_its_addresses_until_it_is_gone()
    {
        Service before = ServiceOf(_web, "10.96.0.1", "fd00::1");
        Service now = ServiceOf(_web, "10.96.0.2", "fd00::1");
        _index.Apply(new Change<Service>(null, before));
        _index.Apply(new Change<Service>(before, now));

        Assert.Same(now, _index.Find(_web));
        Assert.Null(_index.At(IPAddress.Parse("10.96.0.1")));
        Assert.Equal(_web, _index.At(IPAddress.Parse("10.96.0.2")));

        Service heir = ServiceOf(_api, "fd00::1");
        _index.Apply(new Change<Service>(null, heir));
        _index.Apply(new Change<Service>(now, null));

        Assert.Null(_index.Find(_web));
        Assert.Null(_index.At(IPAddress.Parse("10.96.0.2")));
        Assert.Equal(_api, _index.At(IPAddress.Parse("fd00::1")));
    }

    [Fact]
    public void Slices_are_found_by_their_Service_in_the_order_of_their_names()
    {
        EndpointSlice first = SliceOf("a", "web"), second = SliceOf("b", "web"), elsewhere = SliceOf("a", "web", "other"), orphan = SliceOf("c", "");
        foreach (EndpointSlice slice in (EndpointSlice[])[second, first, elsewhere, orphan])
            _index.Apply(new Change<EndpointSlice>(null, slice));
        Assert.Equal([first, second], _index.SlicesOf(_web));

        EndpointSlice moved = SliceOf("a", "api");
        _index.Apply(new Change<EndpointSlice>(first, moved));
        _index.Apply(new Change<EndpointSlice>(second, null));

        Assert.Empty(_index.SlicesOf(_web));
        Assert.Equal([moved], _index.SlicesOf(_api));
    }

    private static Service ServiceOf(ObjectKey key, params string[] addresses) => new() { Key = key, ClusterIPs = [.. addresses.Select(IPAddress.Parse)] };

    private static EndpointSlice SliceOf(string name, string service, string @namespace = "default") => new() { Key = new ObjectKey(@namespace, name), ServiceName = service };
}
