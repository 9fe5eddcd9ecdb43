namespace Agent.Benchmarks.Servers;

/// <summary>
/// One instance of kresd, not validating, its cache in memory. STUB is its cheapest way to forward;
/// over UDP it takes a fresh port for each question.
/// </summary>
internal sealed class KnotResolver : Server
{
    private const int BytesPerName = 600; // seen: 100,000 names of one A record fit

    public override string Name => "kresd";

    protected override byte LastOctet => 14;

    public override string? Executable => Machine.Find("kresd");

    protected override string[] VersionArguments => ["--version"];

    protected override string[] Configure(ServerSetup setup)
    {
        string tcp = setup.Transport == Transport.Tcp ? "policy.add(policy.all(policy.FLAGS('TCP')))" : "";
        string config = Write(setup, "kresd.conf", $$"""
            net.listen('{{Address.Address}}', {{Address.Port}}, { kind = 'dns' })
            trust_anchors.remove('.')
            for _, name in ipairs({ 'ta_update', 'ta_signal_query', 'ta_sentinel', 'priming', 'watchdog', 'detect_time_skew', 'detect_time_jump' }) do
                modules.unload(name)
            end
            cache.open({{setup.Names * BytesPerName}}, 'lmdb://{{setup.Directory}}/cache')
            {{tcp}}
            policy.add(policy.all(policy.STUB('{{setup.Upstream.Address}}@{{setup.Upstream.Port}}')))

            """);
        return [Executable!, "-n", "-c", config, setup.Directory];
    }
}
