using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Agent.Native.Tests.Support;

/// <summary>One field of a C# struct as it lies in memory.</summary>
internal sealed record Field(string Name, int Offset, int Size);

/// <summary>Measures structs: each field in turn is filled with ones, and where they turn up in the whole is where it lies.</summary>
internal static class ManagedLayout
{
    /// <summary>The structs of BpfLayout.cs by the names of their C twins.</summary>
    public static IReadOnlyDictionary<string, Type> BpfStructs { get; } = typeof(Endpoint).Assembly.GetExportedTypes()
        .Where(type => type is { IsValueType: true, IsEnum: false, StructLayoutAttribute.Size: > 1 })
        .ToDictionary(type => string.Concat(type.Name.Select((letter, i) => char.IsUpper(letter) && i > 0 ? $"_{letter}" : $"{letter}")).ToLowerInvariant());

    public static int SizeOf(Type type) => (int)Generic(nameof(Size), type).Invoke(null, null)!;

    public static IEnumerable<Field> FieldsOf(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public).Select(field => (Field)Generic(nameof(Measure), type).Invoke(null, [field])!);

    private static MethodInfo Generic(string name, Type type) =>
        typeof(ManagedLayout).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(type);

    private static int Size<T>()
        where T : struct => Unsafe.SizeOf<T>();

    private static T Ones<T>()
        where T : struct
    {
        T value = default;
        MemoryMarshal.AsBytes(new Span<T>(ref value)).Fill(0xFF);
        return value;
    }

    private static Field Measure<T>(FieldInfo field)
        where T : struct
    {
        object boxed = default(T);
        field.SetValue(boxed, Generic(nameof(Ones), field.FieldType).Invoke(null, null));
        T value = (T)boxed;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        int offset = bytes.IndexOfAnyExcept((byte)0);
        return new Field(field.Name, offset, bytes.LastIndexOfAnyExcept((byte)0) + 1 - offset);
    }
}
