using Agent.Redirect;

namespace Agent.Tests.Redirect;

public sealed class PodCgroupsTests : IDisposable
{
    private const string Uid = "1b2c3d4e-0000-4111-8222-333344445555";
    private const string Hash = "d41d8cd98f00b204e9800998ecf8427e"; // of a static pod's manifest

    private readonly string _top = Directory.CreateTempSubdirectory("lra-cgroup-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Theory]
    // The kubelet's systemd driver, where a guaranteed pod has no slice of a class above it.
    [InlineData("kubepods-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "cri-containerd-0123.scope", Uid)]
    [InlineData("kubepods-burstable.slice/kubepods-burstable-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "cri-containerd-0123.scope", Uid)]
    [InlineData("kubepods-besteffort.slice/kubepods-besteffort-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "crio-0123.scope", Uid)]
    [InlineData($"kubepods-burstable.slice/kubepods-burstable-pod{Hash}.slice", "crio-conmon-0123.scope", Hash)]
    // Its cgroupfs driver.
    [InlineData($"pod{Uid}", "0123", Uid)]
    [InlineData($"burstable/pod{Uid}", "crio-0123", Uid)]
    [InlineData($"besteffort/pod{Hash}", "0123", Hash)]
    // Attached further up: at the root of the hierarchy, in a node of kind, and where the kubelet has a --cgroup-root.
    [InlineData("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "cri-containerd-0123.scope", Uid)]
    [InlineData("kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "cri-containerd-0123.scope", Uid)]
    [InlineData($"kubelet/kubepods/burstable/pod{Uid}", "0123", Uid)]
    [InlineData("my_root-kubepods.slice/my_root-kubepods-burstable.slice/my_root-kubepods-burstable-pod1b2c3d4e_0000_4111_8222_333344445555.slice", "crio-0123.scope", Uid)]
    public void A_pods_cgroup_is_found_by_its_UID_or_its_manifests_hash(string pod, string container, string id)
    {
        Put($"{pod}/{container}/pod99999999");

        PodCgroups found = PodCgroups.Scan(_top);

        Assert.Equal(Path.Combine(_top, pod), found.Find(id));
        Assert.Single(found.Paths); // and nothing below it
    }

    [Theory]
    [InlineData("system.slice/kubepods-burstable-pod1b2c3d4e_0000_4111_8222_333344445555.slice")]
    [InlineData("podruntime.slice")]
    [InlineData("kubepods-burstable.slice/kubepods-burstable-pod.slice")]
    [InlineData("burstable/pod")]
    [InlineData("system.slice/cri-containerd-0123.scope")]
    public void What_the_kubelet_has_not_made_for_a_pod_is_none(string cgroup)
    {
        Put(cgroup);

        Assert.Empty(PodCgroups.Scan(_top).Paths);
    }

    [Fact]
    public void A_cgroup_that_is_gone_has_no_pods() => Assert.Empty(PodCgroups.Scan(Path.Combine(_top, "gone")).Paths);

    private void Put(string cgroup) => Directory.CreateDirectory(Path.Combine(_top, cgroup));
}
