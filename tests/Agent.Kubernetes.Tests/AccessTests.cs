using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Kubernetes.Tests;

/// <summary>Who asks, and who answers.</summary>
public sealed class AccessTests : IAsyncLifetime, IDisposable
{
    private readonly ScratchDirectory _directory = new();
    private ApiServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ApiServer.Start();
        _server.Put(Objects.Service("old"));
    }

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_pods_ServiceAccount_leads_to_the_server_and_its_rotated_token_is_read_again()
    {
        _directory.Write("ca.crt", _server.Certificates.AuthorityPem);
        _directory.Write("namespace", "kube-system");
        _directory.Write("token", ApiServer.Token + "\n");
        ClusterAccess access = InCluster();
        Assert.Equal("kube-system", access.Namespace);
        await using Watched<Service> watched = Watched<Service>.Start(access, Resources.Services);
        await watched.Has("old");

        _server.AllowToken("rotated");
        _server.RevokeToken(ApiServer.Token);
        _directory.Write("token", "rotated");
        _server.CutWatches();
        _server.Put(Objects.Service("new"));

        await watched.Has("new");
        Assert.Equal("Bearer rotated", _server.Requests.Last().Headers["Authorization"]);
    }

    [Fact]
    public async Task A_token_that_is_swapped_through_a_symbolic_link_is_read_again()
    {
        // Like kubelet: token -> ..data/token, ..data -> ..2025_01.
        _directory.Write("ca.crt", _server.Certificates.AuthorityPem);
        foreach ((string version, string token) in (ReadOnlySpan<(string, string)>)[("v1", ApiServer.Token), ("v2", "rotated")])
        {
            Directory.CreateDirectory(Path.Combine(_directory.Path, version));
            _directory.Write($"{version}/token", token);
        }
        string data = Path.Combine(_directory.Path, "..data");
        File.CreateSymbolicLink(data, "v1");
        File.CreateSymbolicLink(Path.Combine(_directory.Path, "token"), "..data/token");
        Credentials credentials = InCluster().Credentials;
        Assert.Equal($"Bearer {ApiServer.Token}", (await credentials.Current(default)).Authorization);

        File.Delete(data);
        Assert.Equal($"Bearer {ApiServer.Token}", (await credentials.Current(default)).Authorization);
        File.CreateSymbolicLink(data, "v2");

        Assert.Equal("Bearer rotated", (await credentials.Current(default)).Authorization);
    }

    [Fact]
    public void Outside_of_a_cluster_or_without_its_files_the_mistake_says_so()
    {
        Assert.Contains("KUBERNETES_SERVICE_HOST", Assert.Throws<AccessException>(() => ClusterAccess.InCluster(null, null, _directory.Path)).Message);
        Assert.Equal($"{_directory.Path}/token: there is no such file", Assert.Throws<AccessException>(InCluster).Message);
        _directory.Write("token", "x");
        _directory.Write("ca.crt", "nonsense");
        Assert.Equal($"{_directory.Path}/ca.crt: holds no certificate in PEM form", Assert.Throws<AccessException>(InCluster).Message);
    }

    [Fact]
    public async Task A_server_of_another_CA_is_refused_and_the_failure_names_the_CA()
    {
        using ApiServerCertificates others = new();
        string file = _directory.Write("other-ca.crt", others.AuthorityPem);
        ClusterAccess access = new(_server.Url, ServerTrust.FromFile(file), new FileCredentials { Token = ApiServer.Token });
        await using Watched<Service> watched = Watched<Service>.Start(access, Resources.Services);
        await Wait.Until(() => watched.Reflector.Failure is not null, "a failure");

        Assert.Contains($"the API server's certificate is not trusted by {file}", watched.Reflector.Failure);
        Assert.Empty(_server.Requests);

        // The cluster changed its CA, and the file follows.
        _directory.Write("other-ca.crt", _server.Certificates.AuthorityPem);
        await watched.Has("old");
    }

    [Fact]
    public async Task A_server_of_the_right_CA_and_the_wrong_name_is_refused_unless_the_name_is_given()
    {
        string kubeConfig = KubeConfig($"{{token: {ApiServer.Token}}}", "certificate-authority: ca.crt, tls-server-name: kubernetes.default.svc");
        await using Watched<Service> named = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);
        await named.Has("old");

        kubeConfig = KubeConfig($"{{token: {ApiServer.Token}}}", "certificate-authority: ca.crt, tls-server-name: other.example");
        await using Watched<Service> misnamed = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);
        await Wait.Until(() => misnamed.Reflector.Failure is not null, "a failure");

        Assert.Contains("is for another name: kubernetes.default.svc, localhost, 127.0.0.1", misnamed.Reflector.Failure);
    }

    [Theory]
    [InlineData("token: token-of-the-test")]
    [InlineData("tokenFile: token")]
    [InlineData("username: admin, password: secret")]
    [InlineData("client-certificate: client.crt, client-key: client.key")]
    public async Task A_kubeconfig_leads_to_the_server(string user)
    {
        _directory.Write("token", ApiServer.Token);
        WriteClientCertificate("CN=node-agent");
        string kubeConfig = KubeConfig($"{{{user}}}");

        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);

        await watched.Has("old");
    }

    [Fact]
    public async Task A_client_certificate_that_is_renewed_is_shown_without_a_restart()
    {
        WriteClientCertificate("CN=old-name");
        await using Watched<Service> watched = Watched<Service>.Start(
            ClusterAccess.FromKubeConfig(KubeConfig("{client-certificate: client.crt, client-key: client.key}")), Resources.Services);
        await watched.Has("old");
        await Wait.Until(() => _server.WatchCount == 1, "a watch");

        WriteClientCertificate("CN=new-name");
        _server.Trouble.Forbidden["services"] = true;
        _server.CutWatches();

        await Wait.Until(() => watched.Reflector.Failure?.Contains("User \"new-name\"", StringComparison.Ordinal) == true, $"the new name; {watched.Reflector.Failure}");
    }

    [Fact]
    public async Task An_insecure_kubeconfig_takes_whoever_answers()
    {
        string kubeConfig = KubeConfig($"{{token: {ApiServer.Token}}}", "insecure-skip-tls-verify: true");

        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);

        await watched.Has("old");
    }

    [Fact]
    public async Task An_exec_plugin_is_run_once_and_again_when_its_token_is_refused()
    {
        _directory.WriteScript("plugin", $$$"""
            echo "$KUBERNETES_EXEC_INFO" >> "{{{_directory.Path}}}/runs"
            echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$TOKEN_PREFIX$(cat "{{{_directory.Path}}}/$1")'"}}'
            """);
        _directory.Write("secret", "of-the-test");
        string kubeConfig = KubeConfig("{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [secret], env: [{name: TOKEN_PREFIX, value: token-}], "
            + "provideClusterInfo: true, interactiveMode: IfAvailable}}");
        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);
        await watched.Has("old");
        await Wait.Until(() => _server.WatchCount == 1, "a watch");
        string run = Assert.Single(Runs());
        Assert.Contains($"\"server\":\"{_server.Url.OriginalString}\"", run);
        Assert.Contains("\"interactive\":false", run);

        _directory.Write("secret", "next");
        _server.AllowToken("token-next");
        _server.RevokeToken(ApiServer.Token);
        _server.CutWatches();
        _server.Put(Objects.Service("new"));

        await watched.Has("new");
        Assert.Equal(2, Runs().Length);
    }

    [Fact]
    public async Task An_exec_plugin_whose_credential_has_expired_is_run_again()
    {
        _directory.WriteScript("plugin", $$$"""
            echo run >> "{{{_directory.Path}}}/runs"
            echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}'
            """);
        Credentials credentials = ClusterAccess.FromKubeConfig(KubeConfig("{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin}}")).Credentials;

        await credentials.Current(default);
        await credentials.Current(default);

        Assert.Equal(2, Runs().Length);
    }

    [Fact]
    public async Task An_exec_plugin_may_give_a_client_certificate()
    {
        WriteClientCertificate("CN=from-plugin");
        _directory.Write("credential.json", new JsonObject
        {
            ["apiVersion"] = "client.authentication.k8s.io/v1",
            ["kind"] = "ExecCredential",
            ["status"] = new JsonObject
            {
                ["clientCertificateData"] = File.ReadAllText(Path.Combine(_directory.Path, "client.crt")),
                ["clientKeyData"] = File.ReadAllText(Path.Combine(_directory.Path, "client.key")),
            },
        }.ToJsonString());
        string kubeConfig = KubeConfig($"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: cat, args: [{_directory.Path}/credential.json]}}}}");

        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);

        await watched.Has("old");
    }

    [Theory]
    [InlineData("echo sorry >&2; exit 3", "failed with exit code 3: sorry")]
    [InlineData("echo hello", "printed something else than an ExecCredential")]
    [InlineData("""echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}'""", "printed neither a token nor a client certificate")]
    [InlineData("""echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}}'""", "of client.authentication.k8s.io/v1")]
    public async Task What_is_wrong_with_an_exec_plugin_is_the_failure(string script, string mistake)
    {
        _directory.WriteScript("plugin", script);
        string kubeConfig = KubeConfig("{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}");
        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(kubeConfig), Resources.Services);

        await Wait.Until(() => watched.Reflector.Failure is not null, "a failure");

        Assert.Contains($"{kubeConfig}:", watched.Reflector.Failure);
        Assert.Contains("users[0].user.exec.command", watched.Reflector.Failure);
        Assert.Contains(mistake, watched.Reflector.Failure);
    }

    [Fact]
    public async Task A_token_that_is_refused_is_the_failure()
    {
        await using Watched<Service> watched = Watched<Service>.Start(ClusterAccess.FromKubeConfig(KubeConfig("{token: wrong}")), Resources.Services);

        await Wait.Until(() => watched.Reflector.Failure is not null, "a failure");

        Assert.StartsWith("401 Unauthorized", watched.Reflector.Failure);
    }

    private string[] Runs() => File.ReadAllLines(Path.Combine(_directory.Path, "runs"));

    private ClusterAccess InCluster() => ClusterAccess.InCluster("127.0.0.1", $"{_server.Address.Port}", _directory.Path);

    private void WriteClientCertificate(string subject)
    {
        using X509Certificate2 certificate = _server.Certificates.IssueClient(subject);
        _directory.Write("client.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        _directory.Write("client.crt", certificate.ExportCertificatePem());
    }

    private string KubeConfig(string user, string trust = "certificate-authority: ca.crt")
    {
        _directory.Write("ca.crt", _server.Certificates.AuthorityPem);
        return _directory.Write("config", $$$"""
            apiVersion: v1
            kind: Config
            current-context: test
            contexts: [{name: other, context: {}}, {name: test, context: {cluster: c, user: u, namespace: ns}}]
            clusters: [{name: c, cluster: {server: "{{{_server.Url.OriginalString}}}", {{{trust}}}}}]
            users: [{name: u, user: {{{user}}}}]
            """);
    }
}
