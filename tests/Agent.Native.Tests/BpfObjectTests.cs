using System.ComponentModel;
using Agent.Native.Tests.Support;
using Microsoft.Win32.SafeHandles;

namespace Agent.Native.Tests;

/// <summary>What needs no privilege of libbpf and the kernel; the rest is in Agent.Lab.Tests.</summary>
public class BpfObjectTests
{
    [Fact]
    public void The_object_has_a_program_for_every_hook()
    {
        using BpfObject bpf = BpfObject.Open(File.ReadAllBytes(Repository.BpfObject));
        Assert.Equal(
            ["lra_connect4", "lra_connect6", "lra_sendmsg4", "lra_sendmsg6", "lra_recvmsg4", "lra_recvmsg6", "lra_getpeername4", "lra_getpeername6", "lra_release"],
            bpf.ProgramNames());
    }

    [Fact]
    public void Bytes_that_are_no_object_are_an_error_with_what_libbpf_says()
    {
        BpfException error = Assert.Throws<BpfException>(() => BpfObject.Open(new byte[100]));
        Assert.StartsWith("cannot open the embedded BPF object: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("libbpf", error.Message);
        Assert.NotEqual(0, error.Error);
    }

    [Fact]
    public void A_pin_that_is_not_there_is_an_error_that_names_it()
    {
        Assert.Contains("/sys/fs/bpf/no-such-pin", Assert.Throws<BpfException>(() => BpfLink.Open("/sys/fs/bpf/no-such-pin")).Message);
        Assert.Contains("/sys/fs/bpf/no-such-pin", Assert.Throws<BpfException>(() => BpfMap<uint, uint>.Open("/sys/fs/bpf/no-such-pin")).Message);
    }

    [Fact]
    public void Libbpf_is_of_version_1() => Assert.Matches(@"^1\.\d+$", KernelFeatures.LibbpfVersion());

    [Fact]
    public void An_inode_is_the_one_that_stat_prints()
    {
        string inode = Repository.Run("stat", "", "-L", "-c", "%i", Repository.Root).Trim();
        Assert.Equal(ulong.Parse(inode), FileIdentity.Inode(Repository.Root));
        Assert.Contains("/no/such/file", Assert.Throws<Win32Exception>(() => FileIdentity.Inode("/no/such/file")).Message);
    }

    [Fact]
    public void A_directory_can_be_held_open()
    {
        using SafeFileHandle directory = DirectoryHandle.Open(Repository.Root);
        Assert.False(directory.IsInvalid);
        Assert.Equal(Repository.Root, new FileInfo($"/proc/self/fd/{directory.DangerousGetHandle()}").LinkTarget);
        Assert.Contains("/no/such/directory", Assert.Throws<Win32Exception>(() => DirectoryHandle.Open("/no/such/directory")).Message);
    }
}
