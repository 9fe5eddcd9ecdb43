namespace Agent.Forwarding;

/// <summary>
/// The network interfaces through which one server's responses come. A datagram that comes through another is perhaps a pod's of this node, which may send in
/// anybody's name (A4). They are learned and not looked up: the route to a server does not say where its responses come in when its address is translated
/// (kube-proxy, Cilium, a resolver in a container), or when they take another way back.
/// </summary>
internal sealed class KnownInterfaces
{
    private const int Most = 4;

    private readonly int[] _indices = new int[Most];
    private int _learned;

    /// <summary>Whether responses came through it; also when it is not known (0), and while none came at all.</summary>
    public bool Expects(int index) => index == 0 || _learned == 0 || _indices.AsSpan().Contains(index);

    /// <summary>Takes note of what brought a response to a query in all that can be guessed wrong; the oldest of more than four is forgotten.</summary>
    public void Learn(int index)
    {
        if (index != 0 && !_indices.AsSpan().Contains(index))
            _indices[_learned++ % Most] = index;
    }
}
