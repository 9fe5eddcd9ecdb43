using Agent.Kubernetes;

namespace Agent.Observability.Flows;

/// <summary>
/// The newest flows, for who wants to see what was before. Answers stay as the serving threads left them, 2 MiB once there are as many, and are read
/// only for who asks. For one thread at a time.
/// </summary>
internal sealed class FlowHistory
{
    /// <summary>Of answers, and of the kernel's decisions; and all that <see cref="Read"/> gives.</summary>
    public const int Capacity = 4096;

    private readonly Queue<(FlowSlot Slot, Pod? Pod)> _answers = [];
    private readonly Queue<Flow> _decisions = [];

    public void Add(in FlowSlot answer, Pod? pod)
    {
        if (_answers.Count == Capacity)
            _answers.Dequeue();
        _answers.Enqueue((answer, pod));
    }

    public void Add(Flow decision)
    {
        if (_decisions.Count == Capacity)
            _decisions.Dequeue();
        _decisions.Enqueue(decision);
    }

    /// <returns>The oldest first.</returns>
    public IReadOnlyList<Flow> Read(FlowReader reader) =>
        [.. _answers.Select(answer => reader.Read(answer.Slot, answer.Pod)).Concat(_decisions).OrderBy(flow => flow.Time).TakeLast(Capacity)];
}
