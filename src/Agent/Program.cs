using Agent.Commands;

return CommandLine.Run(args);
