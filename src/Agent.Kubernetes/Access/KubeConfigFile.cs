using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Agent.Kubernetes.Access;

/// <summary>The kubeconfig format (client-go's <c>clientcmd/api/v1</c>), as far as an agent without a terminal can use it.</summary>
internal static class KubeConfigFile
{
    /// <exception cref="AccessException">The first mistake: file, line, field and what is wrong.</exception>
    public static ClusterAccess Read(string path, string? contextName)
    {
        KubeConfigField root = Parse(path);
        contextName ??= root["current-context"].Required();
        KubeConfigField context = root["contexts"].Named(contextName, "context");
        KubeConfigField cluster = root["clusters"].Named(context["cluster"].Required(), "cluster");
        if (!cluster["proxy-url"].IsAbsent)
            throw cluster["proxy-url"].Wrong("is not supported: the agent speaks to the API server directly");

        Uri server = ReadServer(cluster["server"]);
        return new ClusterAccess(server, ReadTrust(cluster), ReadCredentials(root, context, cluster))
        {
            TlsServerName = cluster["tls-server-name"].Text,
            Namespace = context["namespace"].Text ?? "default",
        };
    }

    private static KubeConfigField Parse(string path)
    {
        YamlStream yaml = [];
        try
        {
            yaml.Load(new StringReader(Files.ReadText(path)));
        }
        catch (YamlException exception)
        {
            throw new AccessException($"{path}:{exception.Start.Line}: is not YAML: {exception.Message}", exception);
        }

        KubeConfigField root = new(path, "", yaml.Documents.Count > 0 ? yaml.Documents[0].RootNode : null);
        return root["kind"].Text is null or "Config" ? root : throw root["kind"].Wrong("is not Config: no kubeconfig file");
    }

    private static Uri ReadServer(KubeConfigField field)
    {
        string text = field.Required();
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? server) && server.Scheme == Uri.UriSchemeHttps
            ? server
            : throw field.Wrong($"'{text}' is not the address of an API server; write https://HOST:6443");
    }

    private static ServerTrust ReadTrust(KubeConfigField cluster)
    {
        (KubeConfigField data, KubeConfigField file) = (cluster["certificate-authority-data"], cluster["certificate-authority"]);
        bool isInsecure = cluster["insecure-skip-tls-verify"].Flag;
        if (isInsecure && !(data.IsAbsent && file.IsAbsent))
            throw cluster["insecure-skip-tls-verify"].Wrong("contradicts the certificate authority; keep one of them");
        if (isInsecure)
            return ServerTrust.Anyone;
        if (data.Data is { } pem)
            return ServerTrust.FromPem(pem, data.Origin);
        return file.FilePath is { } path ? ServerTrust.FromFile(path) : ServerTrust.System;
    }

    private static Credentials ReadCredentials(KubeConfigField root, KubeConfigField context, KubeConfigField cluster)
    {
        if (context["user"].Text is not { } name)
            return new FileCredentials();

        KubeConfigField user = root["users"].Named(name, "user");
        foreach (string unsupported in (string[])["auth-provider", "as", "as-uid", "as-groups", "as-user-extra"])
        {
            if (!user[unsupported].IsAbsent)
                throw user[unsupported].Wrong("is not supported; use a token, a client certificate or exec");
        }
        return user["exec"].IsAbsent ? ReadFileCredentials(user) : ExecCredentials.Read(user["exec"], cluster);
    }

    private static FileCredentials ReadFileCredentials(KubeConfigField user)
    {
        Pem? certificate = ReadPem(user, "client-certificate"), key = ReadPem(user, "client-key");
        if (certificate is null != key is null)
            throw user[key is null ? "client-key" : "client-certificate"].Wrong("is missing: a client certificate has both");
        string? name = user["username"].Text, password = user["password"].Text;
        if (name is null != password is null)
            throw user[name is null ? "username" : "password"].Wrong("is missing: a name goes with a password");

        FileCredentials credentials = new()
        {
            Token = user["token"].Text,
            TokenFile = user["tokenFile"].FilePath,
            Basic = name is not null && password is not null ? (name, password) : null,
            Certificate = certificate,
            Key = key,
        };
        credentials.Check();
        return credentials;
    }

    // client-go: the data go before the file.
    private static Pem? ReadPem(KubeConfigField user, string field)
    {
        KubeConfigField data = user[$"{field}-data"];
        if (data.Data is { } text)
            return new Pem(data.Origin, text, null);
        return user[field].FilePath is { } path ? new Pem(path, null, path) : null;
    }
}
