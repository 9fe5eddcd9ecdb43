using System.Net;
using System.Net.NetworkInformation;
using Agent.Native;

namespace Agent.Redirect;

/// <summary>
/// The agent's addresses on <c>lo</c>. Those that it added itself are noted in a file, so that uninstalling takes away these and no others.
/// </summary>
internal static class ListenAddresses
{
    private const string FileName = "addresses";

    /// <summary>Adds the addresses that no interface of this node has.</summary>
    /// <param name="stateDirectory">Where the note is kept.</param>
    /// <returns>The addresses added now.</returns>
    /// <exception cref="System.ComponentModel.Win32Exception">CAP_NET_ADMIN is missing.</exception>
    public static IReadOnlyList<IPAddress> Ensure(IEnumerable<IPAddress> addresses, string stateDirectory)
    {
        HashSet<IPAddress> present = [.. NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)];
        IPAddress[] missing = [.. addresses.Where(address => !present.Contains(address) && !IPAddress.IsLoopback(address))];
        if (missing.Length == 0)
            return missing;
        Directory.CreateDirectory(stateDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (IPAddress address in missing)
        {
            File.AppendAllLines(Path.Combine(stateDirectory, FileName), [address.ToString()]);
            LoopbackAddress.Add(address);
        }

        return missing;
    }

    /// <summary>Removes what <see cref="Ensure"/> added.</summary>
    /// <returns>The addresses removed.</returns>
    /// <exception cref="System.ComponentModel.Win32Exception">CAP_NET_ADMIN is missing.</exception>
    public static IReadOnlyList<IPAddress> Remove(string stateDirectory)
    {
        string file = Path.Combine(stateDirectory, FileName);
        if (!File.Exists(file))
            return [];
        IPAddress[] added = [.. File.ReadLines(file).Distinct().Select(IPAddress.Parse)];
        foreach (IPAddress address in added)
            LoopbackAddress.Remove(address);
        File.Delete(file);
        return added;
    }
}
