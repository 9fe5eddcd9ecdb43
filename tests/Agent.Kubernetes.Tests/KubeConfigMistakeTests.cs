using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Kubernetes.Tests;

public sealed class KubeConfigMistakeTests : IDisposable
{
    private const string Contexts = "contexts: [{name: x, context: {cluster: c, user: u}}]\n";
    private const string Cluster = "clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}]\n";
    private const string Head = "current-context: x\n" + Contexts + Cluster;

    private readonly ScratchDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("a: }\nb: 1", ":1: is not YAML")]
    [InlineData("kind: Pod", ":1: kind: is not Config")]
    [InlineData("contexts: []", ": current-context: is missing")]
    [InlineData("current-context: x\ncontexts: [{name: y}]", ":2: contexts: has none that is named 'x'")]
    [InlineData("current-context: x\ncontexts: 7", ":2: contexts: must be a list")]
    [InlineData("current-context: x\ncontexts: [{name: x, context: 7}]", ":2: contexts[0].context: must be a mapping")]
    [InlineData("current-context: x\n" + Contexts + "clusters: []", ":3: clusters: has none that is named 'c'")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {}}]", ": clusters[0].cluster.server: is missing")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'http://h'}}]", ":3: clusters[0].cluster.server: 'http://h' is not the address")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', proxy-url: 'http://p'}}]", ":3: clusters[0].cluster.proxy-url: is not supported")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: '%'}}]", "certificate-authority-data: is not base64")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: aGVsbG8=}}]", "certificate-authority-data: holds no certificate")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: gone.crt}}]", "/gone.crt: there is no such file")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', insecure-skip-tls-verify: 7}}]", "insecure-skip-tls-verify: must be true or false, not '7'")]
    [InlineData("current-context: x\n" + Contexts + "clusters: [{name: c, cluster: {server: 'https://h', insecure-skip-tls-verify: true, certificate-authority: a}}]", "contradicts")]
    [InlineData(Head + "users: []", ":4: users: has none that is named 'u'")]
    [InlineData(Head + "users: [{name: u, user: {auth-provider: {name: gcp}}}]", ":4: users[0].user.auth-provider: is not supported; use a token")]
    [InlineData(Head + "users: [{name: u, user: {client-certificate-data: aGVsbG8=}}]", "users[0].user.client-key: is missing")]
    [InlineData(Head + "users: [{name: u, user: {client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=}}]", "certificate and key do not go together")]
    [InlineData(Head + "users: [{name: u, user: {username: me}}]", "users[0].user.password: is missing")]
    [InlineData(Head + "users: [{name: u, user: {tokenFile: gone}}]", "/gone: there is no such file")]
    [InlineData(Head + "users: [{name: u, user: {exec: {command: c}}}]", "users[0].user.exec.apiVersion: is missing")]
    [InlineData(Head + "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: c}}}]", "'client.authentication.k8s.io/v1alpha1' is not supported")]
    [InlineData(Head + "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: c, interactiveMode: Always}}}]", "interactiveMode: is Always")]
    public void A_mistake_names_file_field_and_what_is_wrong(string text, string expected)
    {
        string path = _directory.Write("config", text);

        AccessException mistake = Assert.Throws<AccessException>(() => ClusterAccess.FromKubeConfig(path));

        Assert.StartsWith(_directory.Path, mistake.Message);
        Assert.Contains(expected, mistake.Message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.Equal("/nowhere/config: there is no such file", Assert.Throws<AccessException>(() => ClusterAccess.FromKubeConfig("/nowhere/config")).Message);

    [Fact]
    public void Another_context_than_the_current_one_can_be_asked_for()
    {
        string path = _directory.Write("config", "current-context: x\ncontexts: [{name: y, context: {cluster: c, namespace: n}}]\n" + Cluster);

        ClusterAccess access = ClusterAccess.FromKubeConfig(path, "y");

        Assert.Equal(("https://10.0.0.1:6443/", "n"), (access.Server.AbsoluteUri, access.Namespace));
    }
}
