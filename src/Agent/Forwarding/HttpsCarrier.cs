using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Agent.Dns;

namespace Agent.Forwarding;

/// <summary>
/// Carries queries over one connection as HTTP requests (RFC 8484), and their responses back in the order that they come. Disposing closes the
/// connection.
/// </summary>
/// <param name="far">Messages with their lengths, as over TCP.</param>
/// <param name="handler">Opens one connection and no second.</param>
internal sealed class HttpsCarrier(NetworkStream far, Uri resource, SocketsHttpHandler handler) : IDisposable
{
    private static readonly MediaTypeHeaderValue _dnsMessage = new("application/dns-message");
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(4); // by then the forwarder has given up

    private readonly HttpClient _client = new(handler) { MaxResponseContentBufferSize = ushort.MaxValue, Timeout = Timeout.InfiniteTimeSpan };
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _end = new();
    private Exception? _failure;

    /// <summary>Carries until one side ends.</summary>
    /// <param name="note">Called with what is wrong with each answer, or null.</param>
    /// <exception cref="Exception">The server could not be reached or verified, or the connection broke.</exception>
    public async Task Run(Action<string?> note)
    {
        byte[] length = new byte[sizeof(ushort)];
        try
        {
            while (true)
            {
                await far.ReadExactlyAsync(length, _end.Token);
                byte[] query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await far.ReadExactlyAsync(query, _end.Token);
                _ = Exchange(query, note);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // The forwarder closed its end, or an exchange failed.
        }

        if (_failure != null)
            throw _failure;
    }

    public void Dispose()
    {
        _end.Cancel();
        _client.Dispose();
    }

    private async Task Exchange(byte[] query, Action<string?> note)
    {
        try
        {
            byte[] reply = await Ask(query, note);
            await _writing.WaitAsync(_end.Token);
            await far.WriteAsync(reply, _end.Token);
            _writing.Release();
        }
        catch (Exception error)
        {
            // The connection cannot be had, or broke: the forwarder asks elsewhere, and connects anew.
            if (!_end.IsCancellationRequested)
                _failure ??= error;
            await _end.CancelAsync();
        }
    }

    /// <returns>The response behind its length, under the query's ID; SERVFAIL where the server has only a word of HTTP for it.</returns>
    private async Task<byte[]> Ask(byte[] query, Action<string?> note)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        stop.CancelAfter(_patience);
        ushort id = BinaryPrimitives.ReadUInt16BigEndian(query);
        query.AsSpan(0, sizeof(ushort)).Clear(); // RFC 8484 section 4.1
        using HttpRequestMessage request = new(HttpMethod.Post, resource)
        {
            Version = HttpVersion.Version20,
            Content = new ByteArrayContent(query) { Headers = { ContentType = _dnsMessage } },
            // An answer that waited in somebody's cache would have a TTL that is too long (section 5.1).
            Headers = { Accept = { new(_dnsMessage.MediaType!) }, CacheControl = new() { NoCache = true } },
        };
        using HttpResponseMessage response = await _client.SendAsync(request, stop.Token);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(stop.Token);
        string type = response.Content.Headers.ContentType?.MediaType ?? "nothing";
        bool isMessage = response.StatusCode == HttpStatusCode.OK && type == _dnsMessage.MediaType && answer.Length is >= Header.Size and <= ushort.MaxValue;
        note(isMessage ? null : $"status {(int)response.StatusCode} with {answer.Length} bytes of {type} is no DNS message");
        if (!isMessage)
            answer = Failure(query);

        byte[] reply = new byte[sizeof(ushort) + answer.Length];
        BinaryPrimitives.WriteUInt16BigEndian(reply, (ushort)answer.Length);
        answer.CopyTo(reply, sizeof(ushort));
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(sizeof(ushort)), id);
        return reply;
    }

    private static byte[] Failure(byte[] query)
    {
        byte[] failure = [.. query];
        failure[2] |= 0x80; // QR
        failure[3] = (byte)ResponseCode.ServFail;
        return failure;
    }
}
