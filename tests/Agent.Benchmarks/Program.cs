using System.Runtime.InteropServices;
using Agent.Benchmarks;
using Agent.Benchmarks.Contest;

if (!Options.TryParse(args, Console.Error, out Options options))
    return 2;

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

try
{
    // On the main thread throughout: the children are killed when the thread that started them ends (see Child).
    return Bench.Run(options, Console.Out);
}
catch (Exception e) when (e is BenchException or OperationCanceledException)
{
    Console.Error.WriteLine(Child.AreStopped ? "bench: stopped" : $"bench: {e.Message}");
    return Child.AreStopped ? 130 : 1;
}

static void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    Child.KillAll();
}
