using System.Runtime.Versioning;
using Agent.Configuration;

namespace Agent.Tests.Configuration;

[SupportedOSPlatform("linux")]
public sealed class UnreadableFileTests
{
    [Theory]
    [InlineData("/nonexistent/lra.yaml", "/nonexistent/lra.yaml: there is no such file")]
    [InlineData("/etc/passwd/lra.yaml", "/etc/passwd/lra.yaml: ")]
    [InlineData("/etc", "/etc: is a directory; name the file in it")]
    [InlineData("", ": cannot be read: ")]
    [InlineData("a\0b", "a\0b: cannot be read: ")]
    [InlineData("/dev/zero", "/dev/zero: is larger than 1 MiB: not a configuration file")]
    public void A_path_that_is_no_readable_file_gives_one_mistake_without_a_line(string path, string expected)
    {
        Assert.False(ConfigurationFile.TryRead(path, out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes));
        Assert.Null(read);
        Assert.StartsWith(expected, Assert.Single(mistakes).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_for_this_user_says_so()
    {
        using TemporaryFile file = new("node: w1"u8);
        File.SetUnixFileMode(file.Path, UnixFileMode.None);

        ConfigurationFile.TryRead(file.Path, out _, out IReadOnlyList<ConfigurationMistake> mistakes);

        string mistake = Assert.Single(mistakes).ToString();
        string refusal = $"{file.Path}: may not be read by user {Environment.UserName}";
        if (Environment.IsPrivilegedProcess)
            Assert.NotEqual(refusal, mistake); // root reads it all the same, and finds that no frontend is named
        else
            Assert.Equal(refusal, mistake);
    }

    [Fact]
    public void Text_that_is_not_UTF_8_is_named_with_its_line()
    {
        using TemporaryFile file = new([.. "node: w1\n# caf"u8, 0xE9, (byte)'\n']);

        ConfigurationFile.TryRead(file.Path, out _, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.Equal($"{file.Path}:2: is not UTF-8 text", Assert.Single(mistakes).ToString());
    }

    [Fact]
    public void An_empty_file_lacks_a_frontend()
    {
        using TemporaryFile file = new([]);

        ConfigurationFile.TryRead(file.Path, out _, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.Equal(
            $"{file.Path}:1: redirect.frontends: there is no frontend to redirect; give one, set kubernetes.enabled to true, or set redirect.enabled to false",
            Assert.Single(mistakes).ToString());
    }
}
