using Agent.Cluster;
using Agent.Configuration;
using Agent.Kubernetes;

namespace Agent.Tests.Cluster;

public sealed class PodModesTests
{
    private const string Mode = "redirect.lra.dev/mode";
    private const string Hash = "d41d8cd98f00b204e9800998ecf8427e";

    [Theory]
    [InlineData("disabled", null, null, null, false)]
    [InlineData(null, "disabled", null, null, false)]
    [InlineData("enabled", "disabled", null, null, true)] // the label before the annotation
    [InlineData(null, null, "disabled", null, false)]
    [InlineData(null, null, null, "disabled", false)]
    [InlineData("enabled", null, "disabled", null, true)] // the pod before its namespace
    [InlineData("off", null, "disabled", null, false)] // what means nothing is as not written
    [InlineData(null, null, null, null, true)]
    public void The_nearest_word_holds(string? label, string? annotation, string? namespaceLabel, string? namespaceAnnotation, bool isRedirected)
    {
        Pod pod = Pod(label, annotation);
        Namespace parent = new() { Key = new("", "team"), Labels = Map(Mode, namespaceLabel), Annotations = Map(Mode, namespaceAnnotation) };

        PodModes modes = new(RedirectMode.Enabled, [pod], _ => parent);

        Assert.Equal(isRedirected, modes.IsRedirected(pod));
        Assert.Equal(isRedirected ? [] : [pod.Uid], modes.Exceptions.Keys);
        Assert.Equal(label == "off" ? 1 : 0, modes.Mistakes.Count);
    }

    [Theory]
    [InlineData(RedirectMode.Enabled)]
    [InlineData(RedirectMode.Disabled)]
    public void Without_its_namespace_which_is_gone_or_not_heard_of_yet_a_pod_speaks_for_itself_or_the_configuration_does(RedirectMode standard)
    {
        Pod silent = Pod(null, null);
        Pod telling = Pod("disabled", null) with { Uid = "other" };

        PodModes modes = new(standard, [silent, telling], _ => null);

        Assert.Equal(standard == RedirectMode.Enabled, modes.IsRedirected(silent));
        Assert.False(modes.IsRedirected(telling));
    }

    [Fact]
    public void A_finished_pod_is_no_exception_any_more() =>
        Assert.Empty(new PodModes(RedirectMode.Enabled, [Pod("disabled", null) with { IsFinished = true }], _ => null).Exceptions);

    [Fact]
    public void A_static_pods_cgroup_is_named_after_its_manifest()
    {
        Pod mirror = Pod("disabled", null) with { Annotations = Map("kubernetes.io/config.mirror", Hash) };

        Assert.Equal([Hash], new PodModes(RedirectMode.Enabled, [mirror], _ => null).Exceptions.Keys);
    }

    [Theory]
    [InlineData("kubernetes.io/config.hash", Hash)] // no mirror's without config.mirror
    [InlineData("kubernetes.io/config.mirror", "1b2c3d4e-0000-4111-8222-333344445555")] // another pod's UID
    [InlineData("kubernetes.io/config.mirror", "")]
    public void Nobody_speaks_for_another_pod_by_an_annotation(string annotation, string value)
    {
        Pod pod = Pod("disabled", null) with { Annotations = Map(annotation, value) };

        Assert.Equal([pod.Uid], new PodModes(RedirectMode.Enabled, [pod], _ => null).Exceptions.Keys);
    }

    private static Pod Pod(string? label, string? annotation) =>
        new() { Key = new("team", "web"), Uid = "aaaaaaaa-0000-4111-8222-333344445555", Labels = Map(Mode, label), Annotations = Map(Mode, annotation) };

    private static Dictionary<string, string> Map(string key, string? value) => value == null ? [] : new() { [key] = value };
}
