using System.Text.Json;
using Agent.Native.Tests.Support;

namespace Agent.Native.Tests.Layout;

/// <summary>
/// The structs that C and C# share (STYLE rule 9): C# against bpf/layout.h as a C compiler reads it, and against the BTF of the object
/// that is embedded in the agent.
/// </summary>
public class BpfLayoutTests
{
    private static readonly Lazy<List<JsonElement>> _btf = new(() =>
    {
        Assert.True(File.Exists(Repository.BpfObject), $"{Repository.BpfObject} is not there: make bpf");
        string json = Repository.Run("bpftool", "", "-j", "btf", "dump", "file", Repository.BpfObject);
        return [.. JsonDocument.Parse(json).RootElement.GetProperty("types").EnumerateArray()];
    });

    private static CProgram WithLayout() => new("\"layout.h\"");

    private static JsonElement TypeOf(int id) => _btf.Value.Single(type => type.GetProperty("id").GetInt32() == id);

    private static string Kind(JsonElement type) => type.GetProperty("kind").GetString()!;

    private static string Name(JsonElement type) => type.GetProperty("name").GetString()!;

    private static JsonElement Target(JsonElement type) => TypeOf(type.GetProperty("type_id").GetInt32());

    private static int SizeOf(JsonElement type) => Kind(type) switch
    {
        "TYPEDEF" or "CONST" or "VOLATILE" => SizeOf(Target(type)),
        "ARRAY" => type.GetProperty("nr_elems").GetInt32() * SizeOf(Target(type)),
        "PTR" => 8,
        _ => type.GetProperty("size").GetInt32(),
    };

    private static JsonElement Struct(string name) => _btf.Value.Single(type => Kind(type) == "STRUCT" && Name(type) == name);

    private static IEnumerable<Field> FieldsOf(JsonElement type) => type.GetProperty("members").EnumerateArray()
        .Select(member => new Field(Name(member), member.GetProperty("bits_offset").GetInt32() / 8, SizeOf(Target(member))));

    [Fact]
    public void The_shared_structs_are_these() => Assert.Equal(
        ["agent_lease", "backend_key", "endpoint", "frontend", "observers", "outcome_counters", "redirect_event", "reverse_key", "skip_key"],
        ManagedLayout.BpfStructs.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("endpoint")]
    [InlineData("frontend")]
    [InlineData("backend_key")]
    [InlineData("reverse_key")]
    [InlineData("agent_lease")]
    [InlineData("observers")]
    [InlineData("skip_key")]
    [InlineData("outcome_counters")]
    public void A_struct_has_the_fields_offsets_and_sizes_of_the_object_s_BTF(string name)
    {
        JsonElement type = Struct(name);
        Assert.Equal(SizeOf(type), ManagedLayout.SizeOf(ManagedLayout.BpfStructs[name]));
        Assert.Equal(FieldsOf(type), ManagedLayout.FieldsOf(ManagedLayout.BpfStructs[name]));
    }

    [Fact]
    public void Every_struct_has_the_layout_of_bpf_layout_h()
    {
        CProgram program = WithLayout();
        foreach ((string name, Type type) in ManagedLayout.BpfStructs)
        {
            program.AssertEqual($"sizeof(struct {name})", ManagedLayout.SizeOf(type));
            foreach (Field field in ManagedLayout.FieldsOf(type))
                program.AssertField($"struct {name}", field.Name, field.Offset, field.Size);
        }

        program.Compile(atLeast: 9 + 2 * 34);
    }

    [Fact]
    public void Enumerators_and_the_layout_s_version_are_those_of_bpf_layout_h()
    {
        WithLayout()
            .AssertEqual("LAYOUT_VERSION", AgentLease.LayoutVersion)
            .AssertEqual("OWNER_ID_MASK", AgentLease.OwnerIdMask)
            .AssertEqual("FRONTEND_AGENT", (uint)FrontendFlags.Agent)
            .AssertEqual("BACKEND_LOCAL", (ushort)BackendKind.Local)
            .AssertEqual("BACKEND_FALLBACK", (ushort)BackendKind.Fallback)
            .AssertEqual("FRONTEND_SKIPS", (uint)FrontendFlags.Skips)
            .AssertEqual("EXCLUDE_EXACT", (uint)CgroupMode.ExcludeExact)
            .AssertEqual("EXCLUDE_SUBTREE", (uint)CgroupMode.ExcludeSubtree)
            .AssertEqual("INCLUDE_SUBTREE", (uint)CgroupMode.IncludeSubtree)
            .Compile(atLeast: 9);
    }

    [Fact]
    public void The_counters_stand_in_the_order_of_the_outcomes()
    {
        CProgram program = WithLayout();
        Field[] counters = [.. ManagedLayout.FieldsOf(typeof(OutcomeCounters))];
        foreach (Field counter in counters)
            program.AssertEqual($"OUTCOME_{counter.Name.ToUpperInvariant()}", counter.Offset / sizeof(ulong));
        program.AssertEqual("OUTCOME_COUNT", counters.Length).Compile(atLeast: 6);
    }

    [Theory]
    [InlineData("frontends", "endpoint", "frontend")]
    [InlineData("backends", "backend_key", "endpoint")]
    [InlineData("reverse", "reverse_key", "endpoint")]
    [InlineData("agent_lease", "__u32", "agent_lease")]
    [InlineData("observers", "__u32", "observers")]
    [InlineData("cgroup_modes", "__u64", "__u32")]
    [InlineData("skipped_cgroups", "skip_key", "__u32")]
    [InlineData("counters", "endpoint", "outcome_counters")]
    public void A_map_s_keys_and_values_are_typed_so_that_bpftool_prints_them(string map, string key, string value)
    {
        JsonElement definition = Target(_btf.Value.Single(type => Kind(type) == "VAR" && Name(type) == map));
        string Pointee(string member) =>
            Name(Target(Target(definition.GetProperty("members").EnumerateArray().Single(candidate => Name(candidate) == member))));
        Assert.Equal((key, value), (Pointee("key"), Pointee("value")));
    }
}
