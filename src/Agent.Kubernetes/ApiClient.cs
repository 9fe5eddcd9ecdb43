using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Agent.Kubernetes.Access;
using Agent.Kubernetes.Parsing;
using Microsoft.Extensions.Logging;

namespace Agent.Kubernetes;

/// <summary>One API server: sends requests with the identity of the moment. Reading is a <see cref="Watching.Reflector{T}"/>'s work.</summary>
public sealed class ApiClient : IDisposable
{
    private const int MaxErrorBody = 64 << 10;

    /// <summary>Until the head of a response; a watch's head comes at once too.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClusterAccess _access;
    private readonly ConnectionSettings _settings;
    private readonly string _basePath;
    private readonly Lock _lock = new();
    private Connection? _connection;
    private bool _isDisposed;

    public ApiClient(ClusterAccess access, ILogger logger) : this(access, logger, new ConnectionSettings())
    {
    }

    internal ApiClient(ClusterAccess access, ILogger logger, ConnectionSettings settings)
    {
        _access = access;
        _settings = settings;
        _basePath = access.Server.AbsolutePath.TrimEnd('/');
        Logger = logger;
    }

    internal ILogger Logger { get; }

    /// <summary>Changes the status of one object (RFC 7396 merge patch of its <c>status</c> subresource).</summary>
    /// <param name="mergePatch">JSON of the whole object's shape: <c>{"status":{...}}</c>.</param>
    /// <exception cref="ApiException">The server refused; 404: the object is gone.</exception>
    /// <exception cref="HttpRequestException">The server could not be reached.</exception>
    public Task PatchStatus<T>(Resource<T> resource, ObjectKey key, ReadOnlyMemory<byte> mergePatch, CancellationToken stop) where T : KubernetesObject =>
        SendAndForget(new ApiRequest(HttpMethod.Patch, $"{resource.ObjectPath(key)}/status", "application/merge-patch+json", mergePatch), stop);

    /// <summary>Records an event on an object, where <c>kubectl describe</c> shows it.</summary>
    /// <inheritdoc cref="PatchStatus" path="/exception"/>
    public Task CreateEvent(ObjectEvent what, CancellationToken stop) =>
        SendAndForget(new ApiRequest(HttpMethod.Post, what.Path, "application/json", what.ToJson()), stop);

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _connection?.Dispose();
            _connection = null;
        }
    }

    /// <summary>Sends a request and returns once the head of a good response is there.</summary>
    /// <exception cref="ApiException">The status is not 2xx.</exception>
    /// <exception cref="TimeoutException">No head within <see cref="Patience"/>.</exception>
    /// <exception cref="AccessException">There are no credentials, and why.</exception>
    internal async Task<HttpResponseMessage> Send(ApiRequest request, CancellationToken stop)
    {
        Identity identity = await _access.Credentials.Current(stop).ConfigureAwait(false);
        HttpResponseMessage response = await SendAs(identity, request, stop).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            _access.Credentials.Refused(identity);
            Identity next = await _access.Credentials.Current(stop).ConfigureAwait(false);
            if (next != identity)
            {
                response.Dispose();
                response = await SendAs(next, request, stop).ConfigureAwait(false);
            }
        }
        if (response.IsSuccessStatusCode)
            return response;

        using (response)
            throw await ReadError(response, stop).ConfigureAwait(false);
    }

    private async Task SendAndForget(ApiRequest request, CancellationToken stop) =>
        (await Send(request, stop).ConfigureAwait(false)).Dispose();

    private async Task<HttpResponseMessage> SendAs(Identity identity, ApiRequest request, CancellationToken stop)
    {
        Connection connection = ConnectionFor(identity);
        using HttpRequestMessage message = new(request.Method, new Uri(connection.Root, _basePath + request.PathAndQuery))
        {
            // HTTP/1.1 where ALPN offers nothing better.
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        if (identity.Authorization is { } authorization)
            message.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (request.MediaType is { } mediaType)
        {
            message.Content = new ReadOnlyMemoryContent(request.Body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        }

        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        try
        {
            return await connection.Http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new TimeoutException($"the API server did not answer within {Patience.TotalSeconds} s");
        }
    }

    // Another certificate needs another TLS connection. What is under way on the old one breaks, and its reflectors resume.
    private Connection ConnectionFor(Identity identity)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_connection is not null && !ReferenceEquals(_connection.Certificate, identity.Certificate))
            {
                _connection.Dispose();
                _connection = null;
            }
            return _connection ??= new Connection(_access, identity.Certificate, _settings);
        }
    }

    private static async Task<ApiException> ReadError(HttpResponseMessage response, CancellationToken stop)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(MaxErrorBody);
        try
        {
            int length = 0;
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
            patience.CancelAfter(Patience);
            await using Stream body = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            length = await body.ReadAtLeastAsync(buffer.AsMemory(0, MaxErrorBody), MaxErrorBody, throwOnEndOfStream: false, patience.Token).ConfigureAwait(false);
            ApiException error = StatusParser.Parse(buffer.AsSpan(0, length), response.StatusCode);
            // The code of the HTTP response is what counts; the header is what load balancers in between set too.
            return new ApiException(response.StatusCode, error.Reason, error.Message)
            {
                RetryAfter = response.Headers.RetryAfter?.Delta ?? error.RetryAfter,
            };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return new ApiException(response.StatusCode, "", $"{(int)response.StatusCode}, without a word within {Patience.TotalSeconds} s");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <param name="PathAndQuery">Below the server's address, escaped.</param>
/// <param name="MediaType">Of the body; null: there is none.</param>
internal sealed record ApiRequest(HttpMethod Method, string PathAndQuery, string? MediaType = null, ReadOnlyMemory<byte> Body = default);
