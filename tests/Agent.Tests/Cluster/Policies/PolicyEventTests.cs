using Agent.Cluster.Policies;
using Agent.Kubernetes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;
using Agent.Tests.Configuration;
using Agent.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Agent.Tests.Cluster.Policies;

public sealed class PolicyEventTests
{
    [Theory]
    [InlineData('.')]
    [InlineData('-')]
    public async Task An_event_on_a_policy_with_a_long_name_has_a_name_that_the_server_takes(char at200)
    {
        await using ApiServer server = await ApiServer.Start();
        using TemporaryFile kubeconfig = new(System.Text.Encoding.UTF8.GetBytes(ApiObjects.Kubeconfig(server)));
        using ApiClient client = new(ClusterAccess.FromKubeConfig(kubeconfig.Path), NullLogger.Instance);
        using PolicyEvents events = new(client, "w1", new PolicyPace { EventSpread = TimeSpan.Zero }, NullLogger.Instance);
        string name = new string('a', 199) + at200 + "b";
        PolicyVerdict refused = new(PolicyKind.CiliumLocalRedirect, new ObjectKey("team", name), new Finding(false, "NoService", "there is none"), new Finding(false, "NotAccepted", ""));

        events.Publish([]);
        events.Publish([refused]);

        await Wait.Until(() => !server.Events.IsEmpty, "the event");
        Assert.StartsWith(name[..199] + ".", Assert.Single(server.Events)["metadata"]!["name"]!.ToString(), StringComparison.Ordinal);
    }
}
