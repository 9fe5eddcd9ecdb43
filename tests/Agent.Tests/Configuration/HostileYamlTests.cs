using System.Text;
using Agent.Configuration;

// A failure must be repeatable: seeded, not secure.
#pragma warning disable CA5394

namespace Agent.Tests.Configuration;

public sealed class HostileYamlTests
{
    private const string Alphabet = "abz019 \t\r\n:-,.[]{}#&*!|>'\"%@`?/\\~<=\0\u0085\u2028\uFEFF\uD800é";

    [Fact]
    public void Random_text_gives_mistakes_and_no_exception()
    {
        Random random = new(20260501);
        for (int i = 0; i < 20_000; i++)
            AssertIsJudged(RandomText(random, random.Next(1, 60)));
    }

    [Fact]
    public void A_mutated_example_gives_mistakes_or_a_configuration_and_no_exception()
    {
        Random random = new(20260502);
        for (int i = 0; i < 4_000; i++)
        {
            StringBuilder yaml = new(ConfigurationFileTests.Example);
            for (int edits = random.Next(1, 6); edits > 0; edits--)
                Mutate(yaml, random);
            AssertIsJudged(yaml.ToString());
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Nesting_however_deep_is_refused_before_the_stack_ends(string opening)
    {
        ConfigurationFile.TryParse(new StringBuilder().Insert(0, opening, 200_000).ToString(), "lra.yaml", out _, out IReadOnlyList<ConfigurationMistake> mistakes);

        Assert.Contains("nested deeper than 32 levels", Assert.Single(mistakes).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_is_one_short_line_whatever_the_file_holds()
    {
        string yaml = $"node: \"a\\n\\e[31m{new string('x', 5_000)}\"\n\"b\\n{new string('y', 5_000)}\": 1";
        ConfigurationFile.TryParse(yaml, "lra.yaml", out _, out IReadOnlyList<ConfigurationMistake> mistakes);

        Assert.All(mistakes, mistake =>
        {
            Assert.DoesNotContain(mistake.ToString(), char.IsControl);
            Assert.InRange(mistake.ToString().Length, 1, 400);
        });
    }

    private static void AssertIsJudged(string yaml)
    {
        bool isValid = ConfigurationFile.TryParse(yaml, "lra.yaml", out AgentConfiguration? read, out IReadOnlyList<ConfigurationMistake> mistakes);
        Assert.Equal(isValid, mistakes.Count == 0);
        Assert.Equal(isValid, read is not null);
        Assert.All(mistakes, mistake => Assert.InRange(mistake.Line, 1, 2 + yaml.Length));
    }

    private static void Mutate(StringBuilder yaml, Random random)
    {
        int at = random.Next(yaml.Length);
        int length = random.Next(1, Math.Min(12, yaml.Length - at) + 1);
        switch (random.Next(4))
        {
            case 0:
                yaml.Remove(at, length);
                break;
            case 1:
                yaml.Insert(at, RandomText(random, length));
                break;
            case 2:
                yaml.Insert(at, yaml.ToString(random.Next(yaml.Length - length + 1), length));
                break;
            default:
                yaml[at] = Alphabet[random.Next(Alphabet.Length)];
                break;
        }
    }

    private static string RandomText(Random random, int length) =>
        string.Create(length, random, static (text, random) =>
        {
            for (int i = 0; i < text.Length; i++)
                text[i] = Alphabet[random.Next(Alphabet.Length)];
        });
}
