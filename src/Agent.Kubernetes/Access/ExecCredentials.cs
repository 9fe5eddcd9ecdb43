using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Agent.Kubernetes.Access;

/// <summary>
/// An exec credential plugin (client.authentication.k8s.io/v1 and v1beta1): a program that prints a token or a client
/// certificate. It is run when there is none, when the last one expires, and when the server refused the last one.
/// </summary>
internal sealed class ExecCredentials(ExecPlugin plugin) : Credentials, IDisposable
{
    // A token that expires on its way is a refused request.
    private static readonly TimeSpan _margin = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _one = new(1, 1);
    private Identity? _identity;
    private DateTimeOffset _expires;
    private (string Certificate, string Key) _pem;
    private X509Certificate2? _certificate;

    public static ExecCredentials Read(KubeConfigField exec, KubeConfigField cluster) => new(ExecPlugin.Read(exec, cluster));

    public override async ValueTask<Identity> Current(CancellationToken stop)
    {
        await _one.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_identity is not { } identity || DateTimeOffset.UtcNow >= _expires)
                _identity = identity = Parse(await plugin.Run(stop).ConfigureAwait(false));
            return identity;
        }
        finally
        {
            _one.Release();
        }
    }

    public override void Refused(Identity identity) => Interlocked.CompareExchange(ref _identity, null, identity);

    public void Dispose() => _one.Dispose();

    private Identity Parse(string output)
    {
        JsonNode status = ReadStatus(output);
        string? token = TextOf(status, "token"), certificate = TextOf(status, "clientCertificateData"), key = TextOf(status, "clientKeyData");
        if (token is null && certificate is null)
            throw plugin.Wrong("printed neither a token nor a client certificate");
        if (certificate is null != key is null)
            throw plugin.Wrong("printed a client certificate without its key, or the reverse");

        _expires = DateTimeOffset.MaxValue;
        if (TextOf(status, "expirationTimestamp") is { } expires)
        {
            _expires = DateTimeOffset.TryParse(expires, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at)
                ? at - _margin
                : throw plugin.Wrong($"printed an expirationTimestamp that is no time: '{expires}'");
        }
        return new Identity(token is null ? null : Identity.Bearer(token.Trim()), ClientCertificate(certificate, key));
    }

    private JsonNode ReadStatus(string output)
    {
        JsonNode? credential;
        try
        {
            credential = JsonNode.Parse(output);
        }
        catch (JsonException exception)
        {
            throw plugin.Wrong($"printed something else than an ExecCredential: {exception.Message}");
        }
        if (credential is not JsonObject || TextOf(credential, "kind") != "ExecCredential" || TextOf(credential, "apiVersion") != plugin.ApiVersion)
            throw plugin.Wrong($"printed something else than an ExecCredential of {plugin.ApiVersion}");
        return credential["status"] as JsonObject ?? throw plugin.Wrong("printed an ExecCredential without a status");
    }

    private X509Certificate2? ClientCertificate(string? certificate, string? key)
    {
        if (certificate is null || key is null)
            return _certificate = null;
        if (_certificate is null || _pem != (certificate, key))
            _certificate = ReadCertificate(certificate, key, plugin.Command);
        _pem = (certificate, key);
        return _certificate;
    }

    private static string? TextOf(JsonNode node, string field) =>
        node[field] is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
