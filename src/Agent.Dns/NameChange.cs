namespace Agent.Dns;

/// <summary>A name of which the table said something else before, or nothing, or says nothing from now on.</summary>
/// <param name="Name">Expanded, lower case.</param>
/// <param name="Existed">Whether the table had it.</param>
/// <param name="Exists">Whether the table has it.</param>
public readonly record struct NameChange(byte[] Name, bool Existed, bool Exists);
