using System.Text;

namespace Agent.Native.Tests.Support;

/// <summary>A C file of assertions: it compiles when what C# believes is what the C headers say.</summary>
internal sealed class CProgram
{
    private readonly StringBuilder _source = new("#define _GNU_SOURCE\n#include <stddef.h>\n");
    private int _assertions;

    public CProgram(params string[] headers)
    {
        foreach (string header in headers)
            _source.Append("#include ").Append(header).Append('\n');
    }

    public CProgram AssertEqual(string expression, long value)
    {
        string message = $"{expression} is not {value}".Replace("\"", "");
        _source.Append($"_Static_assert((long long)({expression}) == {value}LL, \"{message}\");\n");
        _assertions++;
        return this;
    }

    public CProgram AssertField(string type, string field, int offset, int size) =>
        AssertEqual($"offsetof({type}, {field})", offset).AssertEqual($"sizeof((({type} *)0)->{field})", size);

    /// <summary>Compiles; the compiler's message names each assertion that does not hold.</summary>
    public void Compile(int atLeast)
    {
        Assert.True(_assertions >= atLeast, $"only {_assertions} assertions: the test has lost its point");
        Repository.Run("gcc", _source.ToString(), "-x", "c", "-fsyntax-only", "-Wall", $"-I{Repository.Root}/bpf", "-");
    }
}
