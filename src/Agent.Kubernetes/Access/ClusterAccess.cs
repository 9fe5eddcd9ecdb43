namespace Agent.Kubernetes.Access;

/// <summary>Which API server, how to know it, and who asks.</summary>
public sealed class ClusterAccess
{
    /// <summary>Where kubelet puts the credentials of a pod's ServiceAccount.</summary>
    public const string ServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    internal ClusterAccess(Uri server, ServerTrust trust, Credentials credentials)
    {
        Server = server;
        Trust = trust;
        Credentials = credentials;
    }

    /// <summary>With the path that a proxy before several clusters may want.</summary>
    public Uri Server { get; }

    /// <summary>The namespace of the ServiceAccount or of the kubeconfig's context.</summary>
    public string Namespace { get; internal init; } = "default";

    /// <summary>The name that the server's certificate must have, when it is not the one in <see cref="Server"/>.</summary>
    internal string? TlsServerName { get; init; }

    internal ServerTrust Trust { get; }

    internal Credentials Credentials { get; }

    /// <summary>As a pod of the cluster.</summary>
    /// <exception cref="AccessException">This is no pod, or its ServiceAccount is not mounted.</exception>
    public static ClusterAccess InCluster() => InCluster(
        Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST"), Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT"), ServiceAccountDirectory);

    /// <summary>As the kubeconfig file says.</summary>
    /// <param name="context">Null: its <c>current-context</c>.</param>
    /// <exception cref="AccessException">A mistake in the file or in one that it names.</exception>
    public static ClusterAccess FromKubeConfig(string path, string? context = null) => KubeConfigFile.Read(path, context);

    internal static ClusterAccess InCluster(string? host, string? port, string directory)
    {
        if (string.IsNullOrEmpty(host) || string.IsNullOrEmpty(port))
            throw new AccessException("not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig file");

        string bracketed = host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host;
        if (!Uri.TryCreate($"https://{bracketed}:{port}", UriKind.Absolute, out Uri? server))
            throw new AccessException($"KUBERNETES_SERVICE_HOST '{host}' and KUBERNETES_SERVICE_PORT '{port}' are no address");

        string namespaceFile = Path.Combine(directory, "namespace");
        FileCredentials credentials = new() { TokenFile = Path.Combine(directory, "token") };
        credentials.Check();
        return new ClusterAccess(server, ServerTrust.FromFile(Path.Combine(directory, "ca.crt")), credentials)
        {
            Namespace = File.Exists(namespaceFile) ? Files.ReadText(namespaceFile).Trim() : "default",
        };
    }
}
