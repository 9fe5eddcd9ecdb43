using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Agent.Kubernetes.Access;

/// <summary>The program of an exec credential plugin and how it is called.</summary>
internal sealed class ExecPlugin
{
    private const int MaxOutput = 1 << 20;

    // No person waits here who could log in, so that a plugin that takes longer hangs.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly KubeConfigField _field;
    private readonly string[] _arguments;
    private readonly (string Name, string Value)[] _environment;
    private readonly JsonObject _info;

    private ExecPlugin(KubeConfigField exec, KubeConfigField cluster)
    {
        _field = exec;
        ApiVersion = exec["apiVersion"].Required();
        if (ApiVersion is not ("client.authentication.k8s.io/v1" or "client.authentication.k8s.io/v1beta1"))
            throw exec["apiVersion"].Wrong($"'{ApiVersion}' is not supported; write client.authentication.k8s.io/v1");
        if (exec["interactiveMode"].Text == "Always")
            throw exec["interactiveMode"].Wrong("is Always: the agent has no terminal to ask at");

        // client-go: a command with a separator is relative to the kubeconfig, one without is looked up in PATH.
        string command = exec["command"].Required();
        Command = command.Contains('/') ? exec["command"].FilePath! : command;
        _arguments = [.. exec["args"].Items.Select(item => item.Text ?? "")];
        _environment = [.. exec["env"].Items.Select(item => (item["name"].Required(), item["value"].Text ?? ""))];
        _info = Info(exec["provideClusterInfo"].Flag ? cluster : null);
    }

    public string ApiVersion { get; }

    public string Command { get; }

    public static ExecPlugin Read(KubeConfigField exec, KubeConfigField cluster) => new(exec, cluster);

    public AccessException Wrong(string what) => _field["command"].Wrong($"{Command} {what}");

    /// <returns>What the program printed.</returns>
    /// <exception cref="AccessException">It could not be run, failed, or did not end.</exception>
    public async Task<string> Run(CancellationToken stop)
    {
        using Process process = new() { StartInfo = StartInfo() };
        try
        {
            process.Start();
        }
        catch (Win32Exception exception)
        {
            string hint = _field["installHint"].Text is { } text ? $"; {text}" : "";
            throw Wrong($"cannot be run: {exception.Message}{hint}");
        }

        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(_patience);
        try
        {
            process.StandardInput.Close();
            Task<string> errors = ReadBounded(process.StandardError, patience.Token);
            string output = await ReadBounded(process.StandardOutput, patience.Token).ConfigureAwait(false);
            string complaint = (await errors.ConfigureAwait(false)).Trim();
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? output : throw Wrong($"failed with exit code {process.ExitCode}: {FirstLine(complaint)}");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw Wrong($"did not end within {_patience.TotalSeconds} s");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private ProcessStartInfo StartInfo()
    {
        ProcessStartInfo start = new(Command, _arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach ((string name, string value) in _environment)
            start.Environment[name] = value;
        start.Environment["KUBERNETES_EXEC_INFO"] = _info.ToJsonString();
        return start;
    }

    private JsonObject Info(KubeConfigField? cluster)
    {
        JsonObject spec = new() { ["interactive"] = false };
        if (cluster is { } known)
        {
            spec["cluster"] = new JsonObject
            {
                ["server"] = known["server"].Text,
                ["tls-server-name"] = known["tls-server-name"].Text,
                ["insecure-skip-tls-verify"] = known["insecure-skip-tls-verify"].Flag,
                ["certificate-authority-data"] = known["certificate-authority-data"].Text
                    ?? (known["certificate-authority"].FilePath is { } path ? Convert.ToBase64String(File.ReadAllBytes(path)) : null),
            };
        }
        return new JsonObject { ["apiVersion"] = ApiVersion, ["kind"] = "ExecCredential", ["spec"] = spec };
    }

    private static async Task<string> ReadBounded(StreamReader reader, CancellationToken stop)
    {
        char[] buffer = new char[4096];
        System.Text.StringBuilder text = new();
        while (await reader.ReadAsync(buffer, stop).ConfigureAwait(false) is > 0 and int read)
        {
            if (text.Length < MaxOutput)
                text.Append(buffer, 0, read);
        }
        return text.ToString();
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0] is { Length: > 0 } line ? line[..Math.Min(line.Length, 300)] : "it said nothing";
}
