using System.Globalization;
using Agent.Soak;

// The same program in three places: the conductor here, the relay at the lab's router, the prober in a pod.
switch (args)
{
    case ["relay", .. var pairs]:
        return await new RelayPair(pairs).Run();
    case ["probe", var server, var rate, var seconds]:
        return await new Prober(server, int.Parse(rate, CultureInfo.InvariantCulture)).Run(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)));
    case ["--minutes", var minutes] when double.TryParse(minutes, CultureInfo.InvariantCulture, out double length) && length > 0:
        return Conductor.Run(TimeSpan.FromMinutes(length));
    default:
        Console.Error.WriteLine("usage: Agent.Soak --minutes N");
        return 2;
}
