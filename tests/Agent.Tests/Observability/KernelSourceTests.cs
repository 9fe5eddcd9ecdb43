using Agent.Cluster;
using Agent.Native;
using Agent.Observability.Flows;
using Agent.Tests.Support;

namespace Agent.Tests.Observability;

public sealed class KernelSourceTests
{
    [Theory]
    [InlineData(typeof(DirectoryNotFoundException))]
    [InlineData(typeof(UnauthorizedAccessException))]
    public void What_cannot_be_read_is_said_once_and_tried_again_when_it_is_wanted_anew(Type failure)
    {
        LogRecorder log = new();
        using KernelSource kernel = new(() => throw (Exception)Activator.CreateInstance(failure, "the cgroup is gone")!, log);
        List<Flow> flows = [];
        FlowReader reader = new();

        for (int i = 0; i < 10; i++)
            Assert.Equal(0, kernel.Read(isWanted: true, flows, reader, NodePods.None));
        Assert.Contains("the cgroup is gone", Assert.Single(log.Lines), StringComparison.Ordinal);

        kernel.Read(isWanted: false, flows, reader, NodePods.None);
        for (int i = 0; i < 10; i++)
            kernel.Read(isWanted: true, flows, reader, NodePods.None);
        Assert.Equal(2, log.Lines.Length);
        Assert.Empty(flows);
    }
}
