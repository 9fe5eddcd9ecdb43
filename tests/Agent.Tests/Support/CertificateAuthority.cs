using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Agent.Tests.Support;

/// <summary>An authority of a test's own, and the files of what it issues.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("lra-ca-");
    private readonly X509Certificate2 _root;
    private int _issued;

    public CertificateAuthority()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN=Test CA {Guid.NewGuid()}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(2));
        File.WriteAllText(RootFile, _root.ExportCertificatePem());
    }

    public string RootFile => Path.Combine(_directory.FullName, "ca.pem");

    /// <summary>A server's certificate for a DNS name, or for an IP address, that is valid until then.</summary>
    public Credential Issue(string name, DateTimeOffset? until = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=server", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        if (IPAddress.TryParse(name, out IPAddress? address))
            names.AddIpAddress(address);
        else
            names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        byte[] serial = [1, 0, (byte)++_issued];
        using X509Certificate2 issued = request.Create(_root, DateTimeOffset.UtcNow.AddYears(-1), until ?? DateTimeOffset.UtcNow.AddYears(1), serial);
        string path = Path.Combine(_directory.FullName, $"server{_issued}");
        Credential credential = new(issued.CopyWithPrivateKey(key), path + ".pem", path + ".key");
        File.WriteAllText(credential.CertificateFile, issued.ExportCertificatePem());
        File.WriteAllText(credential.KeyFile, key.ExportPkcs8PrivateKeyPem());
        return credential;
    }

    public void Dispose()
    {
        _root.Dispose();
        _directory.Delete(recursive: true);
    }
}

/// <summary>A certificate with its private key, here and in files.</summary>
internal sealed record Credential(X509Certificate2 Certificate, string CertificateFile, string KeyFile);
