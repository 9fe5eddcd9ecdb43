using System.Diagnostics;
using Agent.Fuzz;

Coverage.Start();
Options options;
try
{
    options = Options.Parse(args);
}
catch (FormatException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

try
{
    return options.Input is { } input ? Report(options.Targets[0], input) : Fuzz(options);
}
finally
{
    Target.Stop();
}

static int Fuzz(Options options)
{
    Console.WriteLine($"fuzzing for {options.Seconds} s, seed {options.Seed}");
    List<Campaign> campaigns = [.. options.Targets.Select(target => new Campaign(target, options.Seed))];
    Stopwatch watch = Stopwatch.StartNew();
    Dictionary<Campaign, TimeSpan> spent = campaigns.ToDictionary(campaign => campaign, _ => TimeSpan.Zero);
    while (watch.Elapsed.TotalSeconds < options.Seconds)
    {
        // Each target gets the same time, whatever one of its inputs costs.
        Campaign next = campaigns.MinBy(campaign => spent[campaign])!;
        TimeSpan before = watch.Elapsed;
        if (next.Run(count: 200) is { } failure)
            return Report(next.Target, failure.Input);
        spent[next] += watch.Elapsed - before;
    }

    Console.WriteLine($"{"target",-14} {"inputs",10} {"branches",8} {"ways",6} {"new",5}");
    foreach (Campaign campaign in campaigns)
        Console.WriteLine($"{campaign.Target.Name,-14} {campaign.Iterations,10:N0} {campaign.Branches,8} {campaign.Ways,6} {campaign.Found.Count,5}");
    if (options.Keep)
        campaigns.ForEach(campaign => Corpus.Add(campaign.Target, campaign.Found));
    return 0;
}

static int Report(Target target, byte[] input)
{
    try
    {
        Console.WriteLine($"{target.Name}: holds for {input.Length} bytes, way {target.Check(input)}");
        return 0;
    }
    catch (FuzzFailure failure)
    {
        Console.WriteLine($"{target.Name}: does not hold: {target.Property}");
        Console.WriteLine($"  {failure.Message}\n{failure.InnerException?.StackTrace}");
        Console.WriteLine($"repeat:  make fuzz TARGET={target.Name} INPUT={Convert.ToHexString(input)}");
        Console.WriteLine($"keep it: add the digits to tests/Agent.Fuzz/corpus/{target.Name}.txt, which 'make test' replays");
        return 1;
    }
}
