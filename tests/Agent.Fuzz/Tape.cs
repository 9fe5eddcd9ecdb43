using System.Text;

namespace Agent.Fuzz;

/// <summary>
/// An input as a row of choices: a target reads bytes from it to decide what to build. So any bytes make a structured case, a shorter input makes
/// a simpler case, and a change of one byte makes a neighbour. At its end it gives zeros.
/// </summary>
internal sealed class Tape(byte[] bytes)
{
    private int _position;

    public bool IsEnd => _position >= bytes.Length;

    public byte Byte() => IsEnd ? (byte)0 : bytes[_position++];

    /// <summary>0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => bound <= 256 ? Byte() % bound : ((Byte() << 16) | (Byte() << 8) | Byte()) % bound;

    /// <summary>True for one value of so many; false at the end.</summary>
    public bool OneIn(int count) => Byte() % count == count - 1;

    public T OneOf<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    public byte[] Bytes(int count)
    {
        byte[] taken = new byte[count];
        for (int i = 0; i < count; i++)
            taken[i] = Byte();
        return taken;
    }

    /// <summary>All that is left.</summary>
    public byte[] Rest() => IsEnd ? [] : bytes[_position..(_position = bytes.Length)];

    /// <summary>Printable text mostly, as long as asked for.</summary>
    public string Text(int length)
    {
        StringBuilder text = new();
        for (int i = 0; i < length; i++)
            text.Append((char)Byte());
        return text.ToString();
    }
}
