namespace Agent.Forwarding;

/// <summary>What an event of the poller belongs to: a kind, a slot in that kind's table, and the generation of what was there.</summary>
internal readonly record struct PollToken(byte Kind, int Slot, ushort Generation)
{
    public PollToken(ulong token)
        : this((byte)(token >> 56), (int)(token >> 16), (ushort)token)
    {
    }

    public ulong Value => (ulong)Kind << 56 | (ulong)(uint)Slot << 16 | Generation;
}
