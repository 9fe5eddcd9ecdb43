using System.Globalization;
using System.Text;

namespace Agent.Configuration;

/// <summary>The plain values of the configuration file: numbers, sizes, durations, names, paths. Addresses are in <see cref="Addresses"/>.</summary>
internal static class Values
{
    // Largest first: a duration's parts stand in this order.
    private static readonly (string Name, long Milliseconds)[] _timeUnits = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

    public static Parsed<bool> Switch(string text) => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => Wrong(text, "is neither true nor false"),
    };

    public static Parsed<TransportProtocol> Protocol(string text) => text.ToUpperInvariant() switch
    {
        "UDP" => TransportProtocol.Udp,
        "TCP" => TransportProtocol.Tcp,
        _ => Wrong(text, "is neither UDP nor TCP"),
    };

    public static Parsed<RouteProtocol> RouteProtocol(string text) => text.ToUpperInvariant() switch
    {
        "UDP" => Configuration.RouteProtocol.Udp,
        "TCP" => Configuration.RouteProtocol.Tcp,
        "TLS" => Configuration.RouteProtocol.Tls,
        "HTTPS" => Configuration.RouteProtocol.Https,
        _ => Wrong(text, "is neither udp, tcp, tls nor https"),
    };

    /// <summary>The path of an HTTPS resource: from the slash on, without a query.</summary>
    public static Parsed<string> HttpsPath(string text) =>
        text.StartsWith('/') && text.All(c => c is > ' ' and < (char)127 and not ('?' or '#'))
            ? text
            : Wrong(text, "is no path; write it as in /dns-query");

    public static Parsed<ServerPolicy> Policy(string text) => text switch
    {
        "random" => ServerPolicy.Random,
        "round-robin" => ServerPolicy.RoundRobin,
        "sequential" => ServerPolicy.Sequential,
        "fastest" => ServerPolicy.Fastest,
        _ => Wrong(text, "is not a policy; write random, round-robin, sequential or fastest"),
    };

    /// <summary>One of an enumeration's names, in lower case.</summary>
    public static ValueParser<T> OneOf<T>() where T : struct, Enum => text =>
    {
        T[] values = Enum.GetValues<T>();
        int index = Array.FindIndex(values, value => value.ToString().ToLowerInvariant() == text);
        return index >= 0 ? values[index] : Wrong(text, $"is none of {string.Join(", ", values).ToLowerInvariant()}");
    };

    public static Parsed<int> Port(string text) => Whole(text, 1, 65535, "a port");

    public static ValueParser<int> Count(int least, int most) => text => Whole(text, least, most, "a whole number");

    /// <summary>Whole seconds without a unit, as TTLs are written in DNS.</summary>
    public static ValueParser<int> Seconds(int least, int most) => text => Whole(text, least, most, "a whole number of seconds");

    /// <summary>Bytes: <c>1048576</c>, <c>500KiB</c>, <c>32MiB</c>, <c>32Mi</c>, <c>1G</c>.</summary>
    public static ValueParser<long> Size(long least, long most) => text =>
    {
        int digits = CountDigits(text);
        long unit = BytesIn(text[digits..].TrimStart(' '));
        if (digits == 0 || unit == 0)
            return Wrong(text, "is not a size; write 32MiB, 1GiB or a number of bytes");

        // 18 digits times 2^30 do not fit 64 bits.
        Int128 bytes = digits <= 18 ? Int128.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture) * unit : Int128.MaxValue;
        return bytes >= least && bytes <= most ? (long)bytes : Wrong(text, $"is not from {InMiB(least)} to {InMiB(most)}");
    };

    /// <summary>From zero: <c>1h</c>, <c>1h30m</c>, <c>90s</c>, <c>500ms</c>; only <c>0</c> needs no unit.</summary>
    public static ValueParser<TimeSpan> Duration(TimeSpan most) => text =>
    {
        if (text == "0")
            return TimeSpan.Zero;
        if (MillisecondsOf(text) is not { } milliseconds)
            return Wrong(text, "is not a duration; write 1h, 30m, 90s, 500ms or 0");
        return milliseconds <= most.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : Wrong(text, $"is more than {most.TotalHours:0}h");
    };

    /// <summary>Without a slash at the end; nothing is said about whether it exists.</summary>
    public static Parsed<string> AbsolutePath(string text)
    {
        if (!text.StartsWith('/') || text.Any(char.IsControl))
            return Wrong(text, "is not an absolute path");
        string path = text.TrimEnd('/');
        return path.Length > 0 ? path : "/";
    }

    /// <summary>A path that fits <c>sockaddr_un</c> with what <see cref="Agent.SocketPath"/> appends to it.</summary>
    public static Parsed<string> SocketPath(string text) => AbsolutePath(text).Unless(path =>
        Encoding.UTF8.GetByteCount(path) > Agent.SocketPath.MaxLength ? $"{Quoting.Quote(text)} is longer than the {Agent.SocketPath.MaxLength} bytes that the path may have" : null);

    public static Parsed<string> AbsolutePathOrNone(string text) => text.Length == 0 ? text : AbsolutePath(text);

    /// <summary>A domain name below the root, lower case, without the trailing dot.</summary>
    public static Parsed<string> Domain(string text) =>
        Zone(text).Unless(zone => zone.Length == 0 ? "the root cannot be a cluster's domain" : null);

    /// <summary>A domain name, lower case, without the trailing dot; <c>.</c> gives the empty string.</summary>
    public static Parsed<string> Zone(string text)
    {
        if (text == ".")
            return "";

        string name = (text.EndsWith('.') ? text[..^1] : text).ToLowerInvariant();
        // RFC 1035 section 2.3.4: 255 octets on the wire, which adds one before the first label and one for the root.
        if (name.Length > 253)
            return Wrong(text, "is longer than the 255 octets of a domain name");
        foreach (string label in name.Split('.'))
        {
            if (label.Length is 0 or > 63)
                return Wrong(text, "is not a domain name; its labels have 1 to 63 characters ('.' is the root)");
            if (!label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                return Wrong(text, "is not a domain name; use letters, digits, '-' and '_', and xn-- for other scripts");
        }
        return name;
    }

    public static Parsed<string> NodeName(string text) =>
        text.Length is > 0 and <= 253 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
            ? text
            : Wrong(text, "is not a node's name; use letters, digits, '-', '_' and '.', at most 253");

    /// <summary><c>NAMESPACE/NAME</c>, both as Kubernetes allows them (RFC 1123 labels; a Service's name is one too).</summary>
    public static Parsed<Kubernetes.ObjectKey> NamespacedName(string text) =>
        text.Split('/') is [var inNamespace, var name] && IsLabel(inNamespace) && IsLabel(name)
            ? new Kubernetes.ObjectKey(inNamespace, name)
            : Wrong(text, "is not the name of a Service; write NAMESPACE/NAME, as in kube-system/kube-dns");

    private static bool IsLabel(string text) =>
        text.Length is > 0 and <= 63 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && text[0] != '-' && text[^1] != '-';

    public static Refusal Wrong(string text, string why) => new($"{Quoting.Quote(text)} {why}");

    private static Parsed<int> Whole(string text, int least, int most, string what)
    {
        // A leading zero is octal to YAML 1.1 and decimal to YAML 1.2: neither is guessed.
        bool isDecimal = CountDigits(text) == text.Length && (text.Length == 1 || !text.StartsWith('0'));
        return isDecimal && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : Wrong(text, $"is not {what} from {least} to {most}");
    }

    // Kubernetes writes quantities as 32Mi, most else as 32MiB; both mean 32 * 1024 * 1024.
    private static long BytesIn(string unit) => unit switch
    {
        "" or "B" => 1,
        "k" or "kB" => 1_000,
        "M" or "MB" => 1_000_000,
        "G" or "GB" => 1_000_000_000,
        "Ki" or "KiB" => 1L << 10,
        "Mi" or "MiB" => 1L << 20,
        "Gi" or "GiB" => 1L << 30,
        _ => 0,
    };

    private static long? MillisecondsOf(string text)
    {
        long total = 0;
        int nextUnit = 0;
        for (string rest = text; rest.Length > 0;)
        {
            int digits = CountDigits(rest);
            int letters = rest.AsSpan(digits).IndexOfAnyInRange('0', '9');
            string unitName = letters < 0 ? rest[digits..] : rest.Substring(digits, letters);
            int unit = Array.FindIndex(_timeUnits, nextUnit, candidate => candidate.Name == unitName);
            // Nine digits of hours are some 114,000 years, and fit.
            if (digits is 0 or > 9 || unit < 0)
                return null;

            total += long.Parse(rest.AsSpan(0, digits), CultureInfo.InvariantCulture) * _timeUnits[unit].Milliseconds;
            nextUnit = unit + 1;
            rest = rest[(digits + unitName.Length)..];
        }
        return text.Length > 0 ? total : null;
    }

    private static int CountDigits(string text)
    {
        int end = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }

    private static string InMiB(long bytes) => bytes == 0 ? "0" : bytes % (1 << 30) == 0 ? $"{bytes >> 30}GiB" : $"{bytes >> 20}MiB";
}
