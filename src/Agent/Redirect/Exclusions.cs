using Agent.Native;

namespace Agent.Redirect;

/// <summary>The cgroups whose traffic the kernel leaves alone: always this agent's own, so that it cannot ask itself.</summary>
internal static class Exclusions
{
    /// <summary>Excludes this process and no longer excludes an earlier one.</summary>
    /// <param name="attached">Where the programs are attached.</param>
    /// <exception cref="RedirectException">The agent's own cgroup cannot be found.</exception>
    public static void ExcludeSelf(Datapath datapath, string attached)
    {
        string own = Cgroups.Own();
        ulong self = FileIdentity.Inode(own);
        // Where the agent shares the pods' top cgroup, excluding what is below it would exclude every pod.
        bool isBelow = own != attached && Mounts.IsWithin(own, attached);
        datapath.ExcludedCgroups.Update(self, (uint)(isBelow ? Exclusion.Subtree : Exclusion.Exact));
        foreach (ulong other in datapath.ExcludedCgroups.Keys().Where(id => id != self))
            datapath.ExcludedCgroups.Delete(other);
    }
}
