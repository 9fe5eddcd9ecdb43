using System.Net;

namespace Agent.Forwarding;

/// <summary>The part of resolv.conf(5) that names servers.</summary>
internal static class ResolvConf
{
    /// <summary>The <c>nameserver</c> addresses in their order, without repetition; lines that are none are passed over, as libc does.</summary>
    public static IReadOnlyList<IPAddress> Nameservers(string content)
    {
        List<IPAddress> servers = [];
        foreach (string line in content.Split('\n'))
        {
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", string text, ..] && IPAddress.TryParse(text, out IPAddress? address) && !servers.Contains(address))
                servers.Add(address);
        }

        return servers;
    }
}
