using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Agent.Tests;

/// <summary>
/// The way of a cache hit is the eight functions of DESIGN section 4, read from the compiled code: Run, Receive, Answer, TryParse, TryAnswer,
/// WriteTo, SetReplyLength, Send. A batch is read (Read) and its memory fetched (Fetch) before its first query is answered.
/// </summary>
public class HitPathTests
{
    private static readonly Dictionary<string, HashSet<string>> _calls = ReadCalls("lra.dll", "Agent.Dns.dll", "Agent.Native.dll");

    /// <summary>Who calls whom, as "Type.Method"; overloads are one.</summary>
    private static Dictionary<string, HashSet<string>> ReadCalls(params string[] assemblies)
    {
        Dictionary<string, HashSet<string>> calls = [];
        foreach (string assembly in assemblies)
        {
            using PEReader image = new(File.OpenRead(Path.Combine(AppContext.BaseDirectory, assembly)));
            MetadataReader metadata = image.GetMetadataReader();
            foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
            {
                MethodDefinition method = metadata.GetMethodDefinition(handle);
                if (method.RelativeVirtualAddress == 0)
                    continue;
                string name = NameOf(metadata, handle);
                if (!calls.TryGetValue(name, out HashSet<string>? callees))
                    calls[name] = callees = [];
                callees.UnionWith(CalleesOf(metadata, image.GetMethodBody(method.RelativeVirtualAddress)));
            }
        }

        return calls;
    }

    /// <summary>Steps through the IL one instruction at a time (ECMA-335 III.1.9) and notes what call, callvirt and newobj name.</summary>
    private static IEnumerable<string> CalleesOf(MetadataReader metadata, MethodBodyBlock body)
    {
        BlobReader code = body.GetILReader();
        List<string> callees = [];
        while (code.RemainingBytes > 0)
        {
            int first = code.ReadByte();
            ILOpCode operation = (ILOpCode)(first == 0xFE ? 0xFE00 | code.ReadByte() : first);
            if (operation is ILOpCode.Call or ILOpCode.Callvirt or ILOpCode.Newobj)
            {
                callees.Add(NameOf(metadata, MetadataTokens.EntityHandle(code.ReadInt32())));
                continue;
            }

            int operands = operation == ILOpCode.Switch ? code.ReadInt32() * 4 : OperandSize(operation);
            code.Offset += operands; // not in one: the offset would be read before the count
        }

        return callees;
    }

    private static int OperandSize(ILOpCode operation) => operation switch
    {
        ILOpCode.Ldc_i8 or ILOpCode.Ldc_r8 => 8,
        ILOpCode.Ldc_i4 or ILOpCode.Ldc_r4 or ILOpCode.Jmp or ILOpCode.Calli => 4,
        ILOpCode.Cpobj or ILOpCode.Ldobj or ILOpCode.Ldstr or ILOpCode.Castclass or ILOpCode.Isinst or ILOpCode.Unbox or ILOpCode.Unbox_any => 4,
        ILOpCode.Ldfld or ILOpCode.Ldflda or ILOpCode.Stfld or ILOpCode.Ldsfld or ILOpCode.Ldsflda or ILOpCode.Stsfld or ILOpCode.Stobj => 4,
        ILOpCode.Box or ILOpCode.Newarr or ILOpCode.Ldelema or ILOpCode.Ldelem or ILOpCode.Stelem or ILOpCode.Mkrefany or ILOpCode.Refanyval => 4,
        ILOpCode.Ldtoken or ILOpCode.Ldftn or ILOpCode.Ldvirtftn or ILOpCode.Initobj or ILOpCode.Constrained or ILOpCode.Sizeof => 4,
        ILOpCode.Ldarg or ILOpCode.Ldarga or ILOpCode.Starg or ILOpCode.Ldloc or ILOpCode.Ldloca or ILOpCode.Stloc => 2,
        ILOpCode.Ldarg_s or ILOpCode.Ldarga_s or ILOpCode.Starg_s or ILOpCode.Ldloc_s or ILOpCode.Ldloca_s or ILOpCode.Stloc_s => 1,
        ILOpCode.Ldc_i4_s or ILOpCode.Unaligned => 1,
        _ when operation.IsBranch() => operation.GetBranchOperandSize(),
        _ => 0,
    };

    private static string NameOf(MetadataReader metadata, EntityHandle handle) => handle.Kind switch
    {
        HandleKind.MethodSpecification => NameOf(metadata, metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method),
        HandleKind.MethodDefinition => NameOf(metadata, metadata.GetMethodDefinition((MethodDefinitionHandle)handle)),
        HandleKind.MemberReference => NameOf(metadata, metadata.GetMemberReference((MemberReferenceHandle)handle)),
        HandleKind.TypeDefinition => metadata.GetString(metadata.GetTypeDefinition((TypeDefinitionHandle)handle).Name),
        HandleKind.TypeReference => metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)handle).Name),
        _ => handle.Kind.ToString(), // a type that is made of others
    };

    private static string NameOf(MetadataReader metadata, MethodDefinition method) =>
        $"{NameOf(metadata, method.GetDeclaringType())}.{metadata.GetString(method.Name)}";

    private static string NameOf(MetadataReader metadata, MemberReference member) =>
        $"{NameOf(metadata, member.Parent)}.{metadata.GetString(member.Name)}";

    /// <summary>What a method calls, by itself or through its own class's other methods.</summary>
    private static HashSet<string> CalledWithin(string method)
    {
        string type = method[..(method.IndexOf('.') + 1)];
        HashSet<string> reached = [method];
        Queue<string> open = new([method]);
        while (open.TryDequeue(out string? current))
        {
            foreach (string callee in _calls.GetValueOrDefault(current, []))
            {
                if (reached.Add(callee) && callee.StartsWith(type, StringComparison.Ordinal))
                    open.Enqueue(callee);
            }
        }

        return reached;
    }

    [Fact]
    public void The_loop_of_a_UDP_worker_receives_answers_and_sends()
    {
        HashSet<string> called = CalledWithin("UdpServer.Run");
        Assert.Superset(
            new HashSet<string> { "UdpBatch.Receive", "UdpBatch.Query", "Resolver.Read", "Resolver.Fetch", "Resolver.Answer", "UdpBatch.SetReplyLength", "UdpBatch.Send" }, called);
    }

    [Theory]
    [InlineData("Resolver.Read", "Query.TryParse")]
    [InlineData("Resolver.Fetch", "ResponseCache.Fetch")]
    [InlineData("Resolver.Answer", "ResponseCache.TryAnswer")]
    [InlineData("ResponseCache.TryAnswer", "CacheEntry.WriteTo")]
    [InlineData("UdpBatch.Receive", "Libc.recvmmsg")]
    [InlineData("UdpBatch.Send", "Libc.sendmmsg")]
    public void Each_function_on_the_way_of_a_hit_calls_the_next_itself(string caller, string callee) => Assert.Contains(callee, _calls[caller]);

    [Theory]
    [InlineData("UdpServer.Run")]
    [InlineData("UdpServer.AnswerBatch")]
    [InlineData("UdpBatch.Receive")]
    [InlineData("Resolver.Read")]
    [InlineData("Resolver.Fetch")]
    [InlineData("Resolver.Answer")]
    [InlineData("Query.TryParse")]
    [InlineData("ResponseCache.TryAnswer")]
    [InlineData("CacheShard.TryFind")]
    [InlineData("CacheEntry.WriteTo")]
    [InlineData("UdpBatch.SetReplyLength")]
    [InlineData("UdpBatch.Send")]
    public void A_hit_waits_for_no_lock_and_no_task(string method)
    {
        Assert.True(_calls.ContainsKey(method), $"there is no {method}: DESIGN section 4 and this test must change together");
        Assert.Contains("Lock.EnterScope", _calls["CacheShard.Store"]); // a lock is seen where there is one
        string[] waits = ["Lock.", "Monitor.", "Task", "SemaphoreSlim.", "ReaderWriterLockSlim.", "SpinLock.", "AsyncMethodBuilder"];
        Assert.DoesNotContain(CalledWithin(method), callee => waits.Any(wait => callee.StartsWith(wait, StringComparison.Ordinal)));
    }
}
