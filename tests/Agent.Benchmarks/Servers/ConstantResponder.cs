namespace Agent.Benchmarks.Servers;

/// <summary>The limit, and the upstream of the others. It answers itself where they forward. See native/constant.c.</summary>
internal sealed class ConstantResponder(string name, byte lastOctet) : Server
{
    public override string Name => name;

    protected override byte LastOctet => lastOctet;

    public override string Executable => NativePrograms.Constant;

    protected override string[] VersionArguments => [];

    public override string Version() => "the limit: recvmmsg, sendmmsg, a constant answer";

    protected override string[] Configure(ServerSetup setup) => [Executable, $"{Address.Address}", $"{Address.Port}"];
}
