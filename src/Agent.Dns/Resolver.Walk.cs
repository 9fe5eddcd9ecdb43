namespace Agent.Dns;

// Search walks of pods: where the first of a walk's queries would be told that its name does not exist, the node walks on in the pod's place.
public sealed partial class Resolver
{
    private Autopath? _autopath; // not before there is a walk: it takes 70 KiB

    /// <summary>The question that <see cref="IsRefreshDue"/> is about: the last query's, or that of a step of its walk.</summary>
    public Query DueOf(in Query query) => _isStepDue ? query.Under(_autopath!.Due) : query;

    /// <summary>Whether what was written says that the name does not exist, and there are clients that walk.</summary>
    private bool MayWalkOn(ReadOnlySpan<byte> reply) => new Header(reply).ResponseCode == ResponseCode.NxDomain && cluster?.Searches != null;

    /// <param name="length">Of the answer that was written.</param>
    /// <param name="arrived">The answer that has just come; none: none has.</param>
    /// <returns>The length of the answer that is to be given; <see cref="Forward"/> when the query, now under a step's question, has to be forwarded first.</returns>
    private int WalkOn(ref Query query, int length, CacheEntry arrived, long now, Span<byte> reply)
    {
        _autopath ??= new Autopath(cache, cluster!, isUdp);
        _autopath.Own = _own;
        WalkEnd end = _autopath.Run(query, arrived, now);
        _isStepDue = end != WalkEnd.Ask && !_autopath.Due.IsEmpty;
        _isRefreshDue = end != WalkEnd.Ask && (_isRefreshDue || _isStepDue);
        if (end == WalkEnd.Ask)
        {
            query = query.Under(_autopath.Step);
            return Forward;
        }

        if (end == WalkEnd.NoData)
            Reply.ClearCode(reply);
        else if (end == WalkEnd.Alias && _autopath.TryWriteAlias(query, Bound(query, reply), out int aliased))
            length = aliased;
        return length;
    }

    /// <summary>Makes a query that was forwarded for a step of its walk the client's own again.</summary>
    /// <returns>False when it was forwarded as it is.</returns>
    private bool TryLeaveStep(ref Query query)
    {
        if (_autopath == null || !query.IsStep)
            return false;
        query = query.Under(_autopath.OwnKeyOf(query));
        return true;
    }

    /// <summary>Answers the first step of a walk with what the node has for it.</summary>
    private bool TryAnswerKept(in Query query, long now, Span<byte> reply, out int length) =>
        TryAnswerLocally(query, Bound(query, reply), out length) || SpecialNames.TryAnswer(query, isUdp, Bound(query, reply), out length)
        || cache.TryAnswer(query, cache.NameHash(query), now, Bound(query, reply), out length, out _);
}
