namespace Agent.Forwarding;

/// <summary>What became of a question that an upstream should answer.</summary>
internal enum ForwardOutcome
{
    OnItsWay,

    /// <summary>There is no route or no room: the client must be answered without an upstream.</summary>
    NoUpstream,

    /// <summary>As many of the client's questions wait already as may.</summary>
    ClientHasItsFill,
}
