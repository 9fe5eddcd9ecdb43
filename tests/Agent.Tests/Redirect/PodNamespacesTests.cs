using Agent.Redirect;

namespace Agent.Tests.Redirect;

public sealed class PodNamespacesTests : IDisposable
{
    private readonly string _cgroup = Directory.CreateTempSubdirectory("lra-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_cgroup, recursive: true);

    private void Put(string below, params string[] processes)
    {
        Directory.CreateDirectory(Path.Combine(_cgroup, below));
        File.WriteAllLines(Path.Combine(_cgroup, below, "cgroup.procs"), processes);
    }

    [Fact]
    public void A_namespace_is_found_once_with_a_path_for_each_process_and_the_ended_ones_are_left_out()
    {
        Put("");
        Put("burstable/pod-a", $"{Environment.ProcessId}", "999999999");
        Put("burstable/pod-b/container", $"{Environment.ProcessId}");

        PodNamespace found = Assert.Single(PodNamespaces.Find(_cgroup, out string? failure));

        Assert.Null(failure);
        Assert.Equal("host network", found.Cgroup); // it is this process's own
        Assert.Equal(Enumerable.Repeat($"/proc/{Environment.ProcessId}/ns/net", 2), found.Paths);
    }

    [Fact]
    public void Processes_of_another_PID_namespace_are_no_process_here_and_it_is_said()
    {
        Put("pod-a", "0");

        Assert.Empty(PodNamespaces.Find(_cgroup, out string? failure));

        Assert.Contains("hostPID", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cgroup_that_is_gone_has_none()
    {
        Assert.Empty(PodNamespaces.Find(Path.Combine(_cgroup, "gone"), out string? failure));
        Assert.Null(failure);
    }
}
