namespace Agent.Fuzz;

/// <summary>A property of the product does not hold for an input.</summary>
public sealed class FuzzFailure(string message, Exception? inner = null) : Exception(message, inner)
{
    internal static void Unless(bool holds, string property)
    {
        if (!holds)
            throw new FuzzFailure(property);
    }
}
