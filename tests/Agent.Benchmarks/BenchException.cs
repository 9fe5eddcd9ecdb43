namespace Agent.Benchmarks;

/// <summary>Something the bench needs is not there or did not work; the message is for the user.</summary>
internal sealed class BenchException(string message) : Exception(message);
