using System.CommandLine;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Agent.Configuration;
using Agent.Observability;
using Agent.Serving;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Agent.Commands;

/// <summary><c>lra run</c>: the agent itself, in the foreground.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        Option<string> config = CommandLine.ConfigurationOption();
        Command command = new("run", """
            Run the agent in the foreground, logging to standard output.
            SIGTERM and SIGINT stop it, after 'lameduck'; the kernel then sends the pods' queries to the fallback servers.
            What is in the kernel stays until 'lra uninstall', so a restart loses nothing.
            """)
        {
            config,
        };
        command.SetAction(parsed => Run(parsed.GetValue(config)!));
        return command;
    }

    private static int Run(string path)
    {
        if (!CommandLine.TryReadConfiguration(path, out AgentConfiguration? configuration))
            return ExitStatus.Usage;
        using ILoggerFactory logging = LoggerFactory.Create(builder => builder.AddSimpleConsole(options =>
        {
            options.SingleLine = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            options.ColorBehavior = LoggerColorBehavior.Disabled;
        }));
        using ManualResetEventSlim stop = new();
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            ILogger logger = logging.CreateLogger("lra");
            using NodeAgent agent = NodeAgent.Start(configuration, logger);
            using SocketHandover handover = new(SocketHandover.PathFor(configuration.AdminSocket), agent.ListenSockets);
            using ConfigurationWatch watch = new(path, () => agent.Reload(path));
            using PageServer? metrics = MetricsServer.Start(agent, logger);
            using PageServer? health = HealthServer.Start(agent, logger);
            using AdminServer admin = AdminServer.Start(agent);
            using ServiceManager manager = ServiceManager.Begin(agent);
            stop.Wait();
            agent.PrepareToStop();
            manager.SayStopping();
            stop.Reset();
            stop.Wait(agent.Configuration.Lameduck); // told again to stop, it does so at once
            return ExitStatus.Done;
        }
        catch (Exception error) when (error is Win32Exception or IOException or UnauthorizedAccessException or Kubernetes.Access.AccessException)
        {
            return CommandLine.Fail(error.Message);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true; // the process ends by returning from here, after the traffic is given back
            stop.Set();
        }
    }
}
