using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Agent.Configuration;

// The keys of a route over TLS.
internal static partial class Sections
{
    private static TlsConfiguration? Tls(MappingReader route, RouteProtocol protocol)
    {
        bool isTls = protocol is RouteProtocol.Tls or RouteProtocol.Https;
        string? path = route.Optional("httpsPath", Values.HttpsPath);
        if (protocol == RouteProtocol.Https)
            path ??= "/dns-query"; // the path of RFC 8484's examples, and of most servers
        TlsConfiguration read = new(route.Optional("tlsServerName", ServerName), route.Optional("tlsCa", CaFile), path);
        if (!route.HasMistakesUnder("protocol"))
        {
            foreach (string key in ((string[])["tlsServerName", "tlsCa"]).Where(key => !isTls && route.Has(key)))
                route.Report(key, "means nothing without protocol: tls or https");
            if (protocol != RouteProtocol.Https && route.Has("httpsPath"))
                route.Report("httpsPath", "means nothing without protocol: https");
        }

        if (isTls && route.Has("resolvConf"))
            route.Report("protocol", $"{protocol.ToString().ToLowerInvariant()} goes with servers: those of a resolv.conf are asked at port 53");
        return isTls ? read : null;
    }

    private static Parsed<string> ServerName(string text) => IPAddress.TryParse(text, out _)
        ? Values.Wrong(text, "is an address; leave tlsServerName out, and each server's certificate must name the server's own address")
        : Values.Domain(text);

    private static Parsed<string> CaFile(string text) => Values.AbsolutePath(text).Unless(path =>
    {
        try
        {
            X509Certificate2Collection certificates = [];
            certificates.ImportFromPemFile(path);
            return certificates.Count > 0 ? null : $"{Quoting.Quote(path)} holds no certificate in PEM form";
        }
        catch (CryptographicException)
        {
            return $"{Quoting.Quote(path)} holds a certificate that is damaged";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"{Quoting.Quote(path)} {ConfigurationFile.WhyUnreadable(path, error)}";
        }
    });
}
