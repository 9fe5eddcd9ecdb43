using System.Text.RegularExpressions;
using Agent.Native.Tests.Support;

namespace Agent.Native.Tests;

/// <summary>The table of checks in tests/README.md names the checks that have a test, and where.</summary>
public partial class ChecksTableTests
{
    private static readonly string _tests = Path.Combine(Repository.Root, "tests");

    [Fact]
    public void Every_check_that_has_a_test_has_a_row_that_names_where_it_is()
    {
        ILookup<string, string> found = TestsByCheck();
        Dictionary<string, string> rows = File.ReadLines(Path.Combine(_tests, "README.md"))
            .Select(line => Row().Match(line)).Where(match => match.Success)
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);

        Assert.True(found.Count > 40, "the tests were not found");
        Assert.Equal([], found.Select(check => check.Key).Except(rows.Keys).Select(check => $"{check} has a test and no row"));
        Assert.Equal([], rows.SelectMany(row => row.Value.Split(", ").Select(place => (row.Key, Place: place.Trim('`'))))
            .Where(row => !found[row.Key].Contains(row.Place))
            .Select(row => $"{row.Key} has no test in {row.Place}"));
    }

    private static ILookup<string, string> TestsByCheck()
    {
        IEnumerable<(string, string)> methods = Directory.GetDirectories(_tests, "*.Tests")
            .SelectMany(project => Directory.GetFiles(project, "*Tests.cs", SearchOption.AllDirectories))
            .SelectMany(file => Method().Matches(File.ReadAllText(file))
                .SelectMany(match => Check().Matches(match.Groups[1].Value).Select(check => (check.Value, Path.GetFileNameWithoutExtension(file)))));
        IEnumerable<(string, string)> scenarios = Directory.GetFiles(Path.Combine(_tests, "Agent.Dns.Tests", "Scenarios"), "*.rpl")
            .SelectMany(file => Check().Matches(Path.GetFileName(file)).Select(check => (check.Value, "scenarios")));
        return methods.Concat(scenarios).ToLookup(pair => pair.Item1, pair => pair.Item2);
    }

    [GeneratedRegex(@"^\| ([PAHF]\d+) \|.*\| ([^|]+) \|$")]
    private static partial Regex Row();

    [GeneratedRegex(@"\b(?:void|Task) ((?:[PAHF]\d+_)+)")]
    private static partial Regex Method();

    [GeneratedRegex(@"\b[PAHF]\d+(?=[-_])|(?<=_)[PAHF]\d+(?=_)")]
    private static partial Regex Check();
}
