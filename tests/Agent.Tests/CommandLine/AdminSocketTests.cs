using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Agent.Observability;
using Agent.Tests.Support;

namespace Agent.Tests.CommandLine;

/// <summary>The admin socket as somebody who means harm would use it.</summary>
public sealed class AdminSocketTests : IAsyncLifetime
{
    private readonly AgentSetup _setup = new(ScriptedUpstream.Answering("192.0.2.1"));
    private AgentProcess _agent = null!;

    public async Task InitializeAsync() => _agent = await AgentProcess.Serve(_setup);

    public Task DisposeAsync()
    {
        _agent.Dispose();
        _setup.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public void A17_names_in_the_cache_are_for_the_agents_own_user_alone()
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(_setup.AdminSocket) & others);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.GetDirectoryName(_setup.AdminSocket)!) & (others | UnixFileMode.OtherExecute | UnixFileMode.GroupExecute));
    }

    [Fact]
    public async Task A17_another_user_is_turned_away_even_where_the_modes_let_it_in()
    {
        const UnixFileMode open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.True(Environment.IsPrivilegedProcess, "becoming another user takes root");
        File.SetUnixFileMode(Path.GetDirectoryName(Path.GetDirectoryName(_setup.AdminSocket))!, open);
        File.SetUnixFileMode(Path.GetDirectoryName(_setup.AdminSocket)!, open);
        File.SetUnixFileMode(_setup.AdminSocket, open);

        Assert.Equal("HTTP/1.1 200", await AskAs(user: 0));
        Assert.Equal("", await AskAs(user: 65534));
    }

    [Theory]
    [InlineData("GET /v1/nothing HTTP/1.1\r\nHost: lra\r\n\r\n", 404)]
    [InlineData("POST /v1/cache?zone=. HTTP/1.1\r\nHost: lra\r\nContent-Length: 0\r\n\r\n", 405)]
    [InlineData("DELETE /v1/cache HTTP/1.1\r\nHost: lra\r\n\r\n", 400)]
    [InlineData("DELETE /v1/cache?zone=a..b HTTP/1.1\r\nHost: lra\r\n\r\n", 400)]
    [InlineData("GET /v1/observe?verdict=nonsense HTTP/1.1\r\nHost: lra\r\n\r\n", 400)]
    [InlineData("GET /v1/observe?last=99999999 HTTP/1.1\r\nHost: lra\r\n\r\n", 400)]
    [InlineData("DELETE /v1/observe HTTP/1.1\r\nHost: lra\r\n\r\n", 405)]
    [InlineData("GET /v1/top?seconds=-1 HTTP/1.1\r\nHost: lra\r\n\r\n", 400)]
    [InlineData("GET /v1/status\r\n\r\n", 505)] // no version of HTTP
    public async Task A24_what_is_no_known_verb_and_path_is_refused_and_changes_nothing(string request, int status)
    {
        await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"));

        Assert.Equal(status, await StatusOf(Encoding.ASCII.GetBytes(request)));

        await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"));
        Assert.Equal(1, _setup.Upstream.CountOf("www.example.test"));
    }

    [Fact]
    public async Task A24_headers_without_end_are_cut_off()
    {
        byte[] request = Encoding.ASCII.GetBytes($"GET /v1/status HTTP/1.1\r\nHost: lra\r\n{string.Concat(Enumerable.Range(0, 3000).Select(i => $"X-{i}: {new string('x', 100)}\r\n"))}\r\n");

        Assert.Equal(431, await StatusOf(request));
    }

    [Fact]
    public async Task A24_connections_are_bounded_and_no_harm_to_DNS()
    {
        List<Socket> hoard = [];
        for (int i = 0; i < 100; i++)
            hoard.Add(await Connect());

        Assert.Single((await Client.Ask(_setup.EndPoint, DnsMessage.Query("www.example.test"))).Answers);
        await Wait.Until(() => hoard.Count(IsClosed) >= 60, "connections above the bound are closed");
        hoard.ForEach(socket => socket.Dispose());
        await Wait.Until(
            () => AdminClient.Ask(_setup.AdminSocket, HttpMethod.Get, AdminServer.StatusPath, StatusJson.Default.AgentStatus) != null, "the CLI is served again");
    }

    private async Task<string> AskAs(int user)
    {
        const string Script = """
            $SIG{PIPE} = 'IGNORE'; $> = shift; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un(shift)) or die "connect: $!";
            syswrite(S, "GET /v1/status HTTP/1.1\r\nHost: lra\r\n\r\n"); sysread(S, $head, 12); print $head;
            """;
        using Process perl = Process.Start(new ProcessStartInfo("perl", ["-MSocket", "-e", Script, $"{user}", _setup.AdminSocket]) { RedirectStandardOutput = true })!;
        string head = await perl.StandardOutput.ReadToEndAsync();
        await perl.WaitForExitAsync();
        Assert.Equal(0, perl.ExitCode);
        return head;
    }

    private static bool IsClosed(Socket socket) => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;

    private async Task<Socket> Connect()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_setup.AdminSocket));
        return socket;
    }

    private async Task<int> StatusOf(byte[] request)
    {
        using Socket socket = await Connect();
        try
        {
            await socket.SendAsync(request);
        }
        catch (SocketException)
        {
            // Closed while it was still being sent; the answer is there nevertheless.
        }

        byte[] head = new byte[12];
        await using NetworkStream stream = new(socket);
        await stream.ReadExactlyAsync(head);
        return int.Parse(Encoding.ASCII.GetString(head).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
