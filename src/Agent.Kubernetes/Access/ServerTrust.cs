using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Agent.Kubernetes.Access;

/// <summary>Decides whether the server is the one that was meant: by the given CA and no other, or by the system's roots.</summary>
internal sealed class ServerTrust
{
    private readonly Func<X509Certificate2Collection>? _readRoots;
    private readonly string _origin;

    private ServerTrust(Func<X509Certificate2Collection>? readRoots, string origin)
    {
        _readRoots = readRoots;
        _origin = origin;
    }

    /// <summary>The roots that the system trusts.</summary>
    public static ServerTrust System { get; } = new(null, "the system's roots");

    /// <summary>Whoever answers (<c>insecure-skip-tls-verify</c>).</summary>
    public static ServerTrust Anyone { get; } = new(null, "");

    /// <summary>The certificates of a PEM file, which is read again for each connection: a cluster may change its CA.</summary>
    /// <exception cref="AccessException">The file holds no certificate.</exception>
    public static ServerTrust FromFile(string path)
    {
        ServerTrust trust = new(() => ParsePem(Files.ReadText(path), path), path);
        trust._readRoots!();
        return trust;
    }

    /// <exception cref="AccessException">The text holds no certificate.</exception>
    public static ServerTrust FromPem(string pem, string origin)
    {
        X509Certificate2Collection roots = ParsePem(pem, origin);
        return new ServerTrust(() => roots, origin);
    }

    /// <exception cref="AuthenticationException">Says what is wrong with the certificate, which <c>false</c> could not.</exception>
    public bool Accepts(object _, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (ReferenceEquals(this, Anyone))
            return true;
        if (certificate is null || chain is null)
            throw new AuthenticationException("the API server shows no certificate");

        X509Certificate2 shown = (X509Certificate2)certificate;
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            throw new AuthenticationException($"the API server's certificate is for another name: {NamesOf(shown)}");

        if (_readRoots is null)
            return errors == SslPolicyErrors.None ? true : throw Untrusted(chain);

        using X509Chain own = new();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(_readRoots());
        own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        own.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1", "serverAuth"));
        // A cluster's CA has neither CRL nor OCSP, and nothing may be downloaded to judge it.
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.DisableCertificateDownloads = true;
        return own.Build(shown) ? true : throw Untrusted(own);
    }

    private AuthenticationException Untrusted(X509Chain chain)
    {
        IEnumerable<string> reasons = chain.ChainStatus.Select(status => status.Status.ToString()).Distinct();
        return new AuthenticationException($"the API server's certificate is not trusted by {_origin}: {string.Join(", ", reasons)}");
    }

    private static string NamesOf(X509Certificate2 certificate)
    {
        IEnumerable<string> names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())));
        return string.Join(", ", names);
    }

    private static X509Certificate2Collection ParsePem(string pem, string origin)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException exception)
        {
            throw new AccessException($"{origin}: holds a certificate that cannot be read: {exception.Message}", exception);
        }
        return certificates.Count > 0 ? certificates : throw new AccessException($"{origin}: holds no certificate in PEM form");
    }
}
