namespace Agent.Lab.Tests;

/// <summary>What of vagrant/ runs without its machines: each machine's network, in a namespace that has its one address.</summary>
public sealed class VagrantTests(LabFixture lab) : IClassFixture<LabFixture>
{
    private static readonly string _network = Path.Combine(Machine.Repository, "vagrant/provision/network");

    [BpfTheory]
    [InlineData("router", "192.168.56.1")]
    [InlineData("ctr", "192.168.56.10")]
    [InlineData("w1", "192.168.56.11")]
    public void A_machine_of_Vagrant_has_the_static_routes_of_the_lab_s(string machine, string address)
    {
        string ofMachine = NetworkOf(machine, address, "cilium");
        string ofLab = Processes.Run("ip", ["-n", $"{lab.Name}-{machine}", "-4", "route"]).Output;

        Assert.NotEmpty(StaticRoutes(ofLab));
        Assert.Equal(StaticRoutes(ofLab), StaticRoutes(ofMachine));
    }

    [BpfFact]
    public void Without_Cilium_the_API_server_s_ClusterIP_is_an_address_of_ctr_and_w1_has_the_way_there()
    {
        Assert.Contains("inet 10.96.0.1/32", NetworkOf("ctr", "192.168.56.10", "bridge"), StringComparison.Ordinal);
        Assert.Contains("10.96.0.1 via 192.168.56.10", StaticRoutes(NetworkOf("w1", "192.168.56.11", "bridge")));
    }

    [BpfFact]
    public void The_router_of_Vagrant_has_both_loops()
    {
        string router = NetworkOf("router", "192.168.56.1", "bridge");

        Assert.Contains("inet 10.10.1.200/24", router, StringComparison.Ordinal);
        Assert.Contains("inet 10.10.2.200/24", router, StringComparison.Ordinal);
    }

    /// <summary>Addresses and routes after the script has run twice, as it does when a machine is provisioned again.</summary>
    private static string NetworkOf(string machine, string address, string cni)
    {
        string script = $"""
            set -e
            ip link set lo up
            ip link add name eth1 type bridge
            ip address add {address}/24 dev eth1
            ip link set eth1 up
            {_network} {machine} {cni}
            {_network} {machine} {cni}
            ip -4 address
            ip -4 route
            """;
        CommandResult result = Processes.Run("unshare", ["--net", "--", "bash", "-c", script]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    // Without the device, whose name is the machine's own business.
    private static IEnumerable<string> StaticRoutes(string text) =>
        text.Split('\n').Where(line => line.Contains(" via ", StringComparison.Ordinal)).Select(line => line.Split(" dev ")[0]).Order();
}
