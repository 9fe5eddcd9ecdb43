using System.CommandLine;

namespace Agent.Commands;

/// <summary><c>lra completion</c>: scripts by which shells complete commands and options; the words come from the command line's own definition.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # bash: source <(lra completion bash)
        _lra() {
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$(lra "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _lra lra
        """;

    private const string Zsh = """
        #compdef lra
        # zsh: source <(lra completion zsh), or as _lra in a directory of $fpath
        _lra() {
            local -a words_found
            words_found=("${(@f)$(lra "[suggest:${#BUFFER}]" "$BUFFER" 2>/dev/null)}")
            compadd -a words_found
            _files
        }
        compdef _lra lra
        """;

    private const string Fish = """
        # fish: lra completion fish | source
        complete -c lra -a '(lra "[suggest:"(commandline -C)"]" (commandline -p) 2>/dev/null)'
        """;

    public static Command Create()
    {
        Argument<string> shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish", HelpName = "SHELL" }.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command command = new("completion", """
            Print a script that completes this command line in a shell.
            Its first lines say how to load it.
            """)
        {
            shell,
        };
        command.SetAction(parsed => Console.WriteLine(parsed.GetValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        }));
        return command;
    }
}
