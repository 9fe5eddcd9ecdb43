using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Agent.Kubernetes.Access;

/// <summary>Who asks: what is shown to the server with one request.</summary>
/// <param name="Authorization">The header's value, or null.</param>
/// <param name="Certificate">The same instance as long as it is the same certificate.</param>
internal sealed record Identity(string? Authorization, X509Certificate2? Certificate)
{
    public static string Bearer(string token) => $"Bearer {token}";
}

/// <summary>Gives the identity of the moment; credentials of a cluster live for minutes or hours.</summary>
internal abstract class Credentials
{
    /// <exception cref="AccessException">There is none, and why.</exception>
    public abstract ValueTask<Identity> Current(CancellationToken stop);

    /// <summary>The server answered 401 to this identity: the next one is got anew.</summary>
    public virtual void Refused(Identity identity)
    {
    }

    protected static X509Certificate2 ReadCertificate(string certificate, string key, string origin)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (CryptographicException exception)
        {
            throw new AccessException($"{origin}: certificate and key do not go together: {exception.Message}", exception);
        }
    }
}

/// <summary>Token, password and client certificate, from files or given.</summary>
internal sealed class FileCredentials : Credentials
{
    private readonly Lock _lock = new();
    private string? _lastToken;
    private (string Certificate, string Key) _pem;
    private X509Certificate2? _certificate;

    public string? Token { get; init; }

    /// <summary>Goes before <see cref="Token"/>.</summary>
    public string? TokenFile { get; init; }

    public (string User, string Password)? Basic { get; init; }

    public Pem? Certificate { get; init; }

    public Pem? Key { get; init; }

    public override ValueTask<Identity> Current(CancellationToken stop)
    {
        lock (_lock)
            return ValueTask.FromResult(new Identity(Authorization(), ClientCertificate()));
    }

    /// <exception cref="AccessException">What is wrong with a file, said at start and not at the first request.</exception>
    public void Check()
    {
        Authorization();
        ClientCertificate();
    }

    private string? Authorization()
    {
        if (TokenFile is not null)
            _lastToken = ReadToken(TokenFile);
        if ((_lastToken ?? Token) is { } token)
            return Identity.Bearer(token);
        return Basic is var (user, password) ? $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}" : null;
    }

    // Read for each request, which are few (a watch lasts minutes): a rotated token is never missed, and the
    // times of files would mislead, because kubelet swaps a symbolic link above them.
    private string ReadToken(string path)
    {
        try
        {
            string token = Files.ReadText(path).Trim();
            if (token.Length > 0 && token.All(c => c is > ' ' and < (char)127))
                return token;
            throw new AccessException($"{path}: holds no token");
        }
        catch (AccessException) when ((_lastToken ?? Token) is not null)
        {
            return (_lastToken ?? Token)!;
        }
    }

    private X509Certificate2? ClientCertificate()
    {
        if (Certificate is null || Key is null)
            return null;
        (string, string) pem = (Certificate.Read(), Key.Read());
        if (_certificate is null || pem != _pem)
        {
            _certificate = ReadCertificate(pem.Item1, pem.Item2, Certificate.Origin);
            _pem = pem;
        }
        return _certificate;
    }
}

/// <summary>PEM text that stands in a kubeconfig or in a file that is named there.</summary>
/// <param name="Origin">Named in mistakes.</param>
internal sealed record Pem(string Origin, string? Text, string? Path)
{
    public string Read() => Text ?? Files.ReadText(Path!);
}
