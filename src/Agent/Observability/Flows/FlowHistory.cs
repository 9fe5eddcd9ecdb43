using Agent.Kubernetes;
using Agent.Native;

namespace Agent.Observability.Flows;

/// <summary>
/// The newest flows, for who wants to see what was before. Answers stay as the serving threads left them, 2 MiB once there are as many, and are read
/// only for who asks. For one thread at a time.
/// </summary>
internal sealed class FlowHistory : IDisposable
{
    /// <summary>Of answers, and of the kernel's decisions; and all that <see cref="Read"/> gives. A power of two.</summary>
    public const int Capacity = 4096;

    private readonly PagedArray<FlowSlot> _answers = new(Capacity);
    private readonly Pod?[] _pods = new Pod?[Capacity];
    private readonly Queue<Flow> _decisions = [];
    private long _count;

    public void Add(in FlowSlot answer, Pod? pod)
    {
        int index = (int)(_count++ & (Capacity - 1));
        _answers[index] = answer;
        _pods[index] = pod;
    }

    public void Add(Flow decision)
    {
        if (_decisions.Count == Capacity)
            _decisions.Dequeue();
        _decisions.Enqueue(decision);
    }

    /// <returns>The oldest first.</returns>
    public IReadOnlyList<Flow> Read(FlowReader reader)
    {
        List<Flow> flows = [.. _decisions];
        for (long next = Math.Max(0, _count - Capacity); next < _count; next++)
        {
            int index = (int)(next & (Capacity - 1));
            flows.Add(reader.Read(_answers[index], _pods[index]));
        }

        return [.. flows.OrderBy(flow => flow.Time).TakeLast(Capacity)];
    }

    public void Dispose() => _answers.Dispose();
}
