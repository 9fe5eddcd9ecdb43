using Agent.Dns.Tests.Support;
using Xunit.Sdk;

namespace Agent.Dns.Tests.Scenarios;

/// <summary>
/// Plays a scenario through the product's own decision, reader and cache under virtual time. What stands between them in the agent,
/// <c>Forwarder</c>, is here a few lines without sockets: one upstream that answers at once or never.
/// </summary>
internal sealed class Replay
{
    private readonly Scenario _scenario;
    private readonly ResponseCache _cache;
    private readonly Resolver _udp;
    private readonly Resolver _tcp;
    private readonly UpstreamResponse _reader;
    private readonly List<UpstreamStep> _upstream = [];
    private readonly byte[] _reply = new byte[ushort.MaxValue];
    private long _now = TimeSpan.FromDays(30).Ticks / TimeSpan.TicksPerMillisecond; // a machine that is up for long
    private int _upstreamQueries;

    private Replay(Scenario scenario)
    {
        _scenario = scenario;
        _cache = new ResponseCache(1 << 20, scenario.ServeStale);
        _udp = new Resolver(_cache, new ServingCounters(), isUdp: true);
        _tcp = new Resolver(_cache, new ServingCounters(), isUdp: false);
        _reader = new UpstreamResponse(scenario.Limits);
    }

    /// <exception cref="XunitException">A reply is not the expected one; names file and line.</exception>
    public static void Run(Scenario scenario)
    {
        Replay replay = new(scenario);
        foreach (Step step in scenario.Steps)
            replay.Play(step);
    }

    private void Play(Step step)
    {
        switch (step)
        {
            case WaitStep wait:
                _now += wait.Milliseconds;
                break;
            case UpstreamStep said:
                _upstream.RemoveAll(earlier => said.Covers(earlier));
                _upstream.Add(said);
                break;
            case AskStep ask:
                int before = _upstreamQueries;
                OracleMessage reply = OracleMessage.Decode(Answer(ask));
                Check(ask, reply, _upstreamQueries - before);
                break;
        }
    }

    private ReadOnlySpan<byte> Answer(AskStep ask)
    {
        Resolver resolver = ask.IsTcp ? _tcp : _udp;
        Span<byte> room = ask.IsTcp ? _reply : _reply.AsSpan(0, 1232);
        int length = resolver.Answer(ask.Query(), _now, room, out Query query);
        if (length == Resolver.Forward)
        {
            CacheEntry entry = AskUpstream(query.Key);
            length = resolver.AnswerWith(entry, ref query, _now, room);
            if (entry.IsNone)
                _cache.StoreFailure(query.Key, _now);
        }
        else if (resolver.IsRefreshDue && AskUpstream(query.Key).IsNone)
        {
            _cache.StoreFailure(query.Key, _now);
        }

        return room[..length];
    }

    private CacheEntry AskUpstream(ReadOnlySpan<byte> key)
    {
        ResponseVerdict verdict = AskUpstream(key, overTcp: false, out CacheEntry entry);
        if (verdict == ResponseVerdict.Truncated)
            verdict = AskUpstream(key, overTcp: true, out entry);
        if (verdict == ResponseVerdict.Answered)
            _cache.Store(key, entry);
        return entry;
    }

    private ResponseVerdict AskUpstream(ReadOnlySpan<byte> key, bool overTcp, out CacheEntry entry)
    {
        _upstreamQueries++;
        byte[] query = new byte[UpstreamQuery.MaxLength];
        OracleMessage sent = OracleMessage.Decode(query.AsSpan(0, UpstreamQuery.Write(key, id: 77, caseBits: 0b1010, hasEdns: true, query)));
        entry = default;
        UpstreamAnswer? answer = Find(sent, overTcp);
        if (answer?.ResponseCode is not { } code)
            return ResponseVerdict.Ignored;
        MessageBuilder response = MessageBuilder.Response(answer.QuestionName ?? sent.QuestionName, (ushort)sent.QuestionType, code);
        if (answer.IsTruncated)
            response.Flags(0x8380 | code);
        return _reader.Read(answer.Sections.AddTo(response).Build(), key, _now, out entry);
    }

    /// <summary>What was said last of this very question, else of all.</summary>
    private UpstreamAnswer? Find(OracleMessage query, bool overTcp)
    {
        string name = query.QuestionName.TrimEnd('.');
        return _upstream
            .Where(said => said.Name is "*" || said.Name == name)
            .Where(said => said.Type is "*" || ScenarioRecord.TypeOf(said.Type) == query.QuestionType)
            .Where(said => overTcp || !said.Answer.OverTcp)
            .OrderByDescending(said => (said.Name != "*", said.Type != "*", said.Answer.OverTcp))
            .FirstOrDefault()?.Answer;
    }

    private void Check(AskStep ask, OracleMessage reply, int upstreamQueries)
    {
        ExpectedReply expected = ask.Reply!;
        OracleMessage records = OracleMessage.Decode(expected.Sections.AddTo(MessageBuilder.Response(ask.Name, ask.Type)).Build());
        List<string> wrong = [];
        Compare("RCODE", expected.ResponseCode, reply.Rcode);
        Compare("ID", ask.Id, reply.Id);
        Compare("flags", Flags(ask, expected), (reply.IsResponse, reply.AA, reply.TC, reply.RD, reply.RA, reply.AD, reply.CD, reply.Z));
        Compare("question", Convert.ToHexString(ask.Query().AsSpan(12, reply.QuestionBytes.Length)), Convert.ToHexString(reply.QuestionBytes));
        Compare("answer", Text(records.Answers), Text(reply.Answers));
        Compare("authority", Text(records.Authority), Text(reply.Authority));
        Compare("additional", Text(records.Additional), Text(reply.Additional.Where(record => record != reply.Opt)));
        Compare("OPT", ask.UdpSize != null, reply.Opt != null);
        Compare("DO", ask.DnssecOk, (reply.Opt?.Ttl & 0x8000) > 0);
        Compare("extended error", expected.ExtendedError?.ToString() ?? "", string.Join(' ', reply.ExtendedErrors));
        Compare("queries upstream", expected.UpstreamQueries!.Value, upstreamQueries);
        if (wrong.Count > 0)
            throw new XunitException($"{_scenario.File}:{expected.Line}: the reply to {ask.Name} is not the expected one:\n  {string.Join("\n  ", wrong)}");

        void Compare<TValue>(string what, TValue should, TValue @is)
        {
            if (!EqualityComparer<TValue>.Default.Equals(should, @is))
                wrong.Add($"{what} is {@is}, should be {should}");
        }
    }

    private static (bool, bool, bool, bool, bool, bool, bool, bool) Flags(AskStep ask, ExpectedReply expected) =>
        (true, false, expected.IsTruncated, ask.WantsRecursion, true, false, ask.CheckingDisabled, false);

    private static string Text(IEnumerable<OracleRecord> records) => $"[{string.Join(", ", records.Select(record => $"{(record.Text.Length < 90 ? record.Text : record.Text[..90] + "...")} ttl {record.Ttl}"))}]";
}
