namespace Agent.Kubernetes.Access;

/// <summary>What leads to the API server is wrong: a file, a field of it, a credential plugin. The message is for a person to mend it.</summary>
public sealed class AccessException(string message, Exception? inner = null) : Exception(message, inner);
