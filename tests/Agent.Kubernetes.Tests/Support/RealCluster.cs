using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Agent.Kubernetes.Access;

namespace Agent.Kubernetes.Tests.Support;

/// <summary>etcd and kube-apiserver of the folder that KUBEBUILDER_ASSETS names (the convention of envtest), as child processes.</summary>
internal sealed class RealCluster : TestCluster
{
    private const string Token = "token-of-the-test";

    private readonly ScratchDirectory _directory = new();
    private readonly ApiServerCertificates _certificates = new();
    private readonly int _port = FreePort(), _etcdPort = FreePort();
    private readonly HttpClient _http;
    private Process? _etcd;
    private Process? _server;

    private RealCluster()
    {
        Access = new ClusterAccess(new Uri($"https://127.0.0.1:{_port}"), ServerTrust.FromPem(_certificates.AuthorityPem, "the test's CA"), new FileCredentials { Token = Token });
        _http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true }) { BaseAddress = Access.Server };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
    }

    /// <summary>Why there is none, or null.</summary>
    public static string? Lacks
    {
        get
        {
            if (Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is not { Length: > 0 } folder)
                return "KUBEBUILDER_ASSETS names no folder with kube-apiserver and etcd: run against the double only";
            string[] missing = [.. new[] { "kube-apiserver", "etcd" }.Where(program => !File.Exists(Path.Combine(folder, program)))];
            return missing.Length == 0 ? null : $"KUBEBUILDER_ASSETS={folder} has no {string.Join(" and no ", missing)}";
        }
    }

    public override ClusterAccess Access { get; }

    public static async Task<RealCluster> Start()
    {
        RealCluster cluster = new();
        cluster.WriteFiles();
        cluster._etcd = cluster.Run("etcd", "--data-dir", Path.Combine(cluster._directory.Path, "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", cluster.EtcdUrl, "--advertise-client-urls", cluster.EtcdUrl, "--listen-peer-urls", "http://127.0.0.1:0");
        await cluster.StartServer();
        return cluster;
    }

    public override Task Put(string json)
    {
        JsonObject item = JsonNode.Parse(json)!.AsObject();
        string groupVersion = item["apiVersion"]!.ToString(), kind = item["kind"]!.ToString().ToLowerInvariant();
        string plural = kind.EndsWith('y') ? $"{kind[..^1]}ies" : $"{kind}s";
        string inNamespace = item["metadata"]!["namespace"] is { } name ? $"/namespaces/{name}" : "";
        string path = $"{(groupVersion.Contains('/') ? "/apis" : "/api")}/{groupVersion}{inNamespace}/{plural}/{item["metadata"]!["name"]}?fieldManager=test&force=true";
        return Send(HttpMethod.Patch, path, new StringContent(json, Encoding.UTF8, "application/apply-patch+yaml"));
    }

    public override Task DeleteService(string name) => Send(HttpMethod.Delete, $"/api/v1/namespaces/default/services/{name}", null);

    public override Task InstallPolicies() => Put(DeployedYaml.Read(DeployedYaml.PolicyCrd).ToJsonString());

    public override async Task Restart(Func<Task> meanwhile)
    {
        End(_server);
        // Without its API server nothing can change in a real cluster: what happens meanwhile happens right after.
        await Task.Delay(500);
        await StartServer();
        await meanwhile();
    }

    public override async Task<IReadOnlyList<JsonObject>> Events()
    {
        JsonNode list = JsonNode.Parse(await _http.GetStringAsync(new Uri("/apis/events.k8s.io/v1/events", UriKind.Relative)))!;
        return [.. list["items"]!.AsArray().Select(item => item!.AsObject())];
    }

    public override ValueTask DisposeAsync()
    {
        End(_server);
        End(_etcd);
        _http.Dispose();
        _certificates.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private string EtcdUrl => $"http://127.0.0.1:{_etcdPort}";

    private void WriteFiles()
    {
        using X509Certificate2 certificate = _certificates.IssueServer("kubernetes.default.svc", "localhost");
        _directory.Write("tls.crt", certificate.ExportCertificatePem());
        _directory.Write("tls.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        using RSA key = RSA.Create(2048);
        _directory.Write("accounts.key", key.ExportRSAPrivateKeyPem());
        _directory.Write("tokens.csv", $"{Token},admin,1,\"system:masters\"\n");
    }

    private async Task StartServer()
    {
        string In(string name) => Path.Combine(_directory.Path, name);
        _server = Run("kube-apiserver", "--etcd-servers", EtcdUrl, "--cert-dir", _directory.Path, "--tls-cert-file", In("tls.crt"), "--tls-private-key-file", In("tls.key"),
            "--token-auth-file", In("tokens.csv"), "--authorization-mode=RBAC", "--service-account-issuer=https://localhost/", "--service-account-key-file", In("accounts.key"),
            "--service-account-signing-key-file", In("accounts.key"), "--service-cluster-ip-range=10.96.0.0/16", "--disable-admission-plugins=ServiceAccount",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", $"--secure-port={_port}");
        long start = Stopwatch.GetTimestamp();
        while (!await IsReady())
        {
            if (_server.HasExited || Stopwatch.GetElapsedTime(start) > TimeSpan.FromMinutes(2))
                throw new InvalidOperationException($"kube-apiserver does not become ready; its output is in {_directory.Path}");
            await Task.Delay(200);
        }
    }

    private async Task<bool> IsReady()
    {
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(new Uri("/readyz", UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task Send(HttpMethod method, string path, HttpContent? content)
    {
        using HttpRequestMessage request = new(method, new Uri(path, UriKind.Relative)) { Content = content };
        using HttpResponseMessage response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"{method} {path}: {await response.Content.ReadAsStringAsync()}");
    }

    private Process Run(string program, params string[] arguments)
    {
        string path = Path.Combine(Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS")!, program);
        ProcessStartInfo start = new("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh", Path.Combine(_directory.Path, $"{program}.log"), path, .. arguments]);
        return Process.Start(start)!;
    }

    private static void End(Process? process)
    {
        if (process is null)
            return;
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>A test that needs a real API server; where there is one it is never skipped.</summary>
public sealed class RealServerFactAttribute : FactAttribute
{
    public RealServerFactAttribute() => Skip = RealCluster.Lacks;
}
