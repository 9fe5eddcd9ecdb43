using System.Net;

namespace Agent.Kubernetes;

/// <summary>The API server refused a request, or sent an ERROR event in a watch.</summary>
/// <param name="message">The server's own words, in one line.</param>
public sealed class ApiException(HttpStatusCode code, string reason, string message) : Exception(message)
{
    public HttpStatusCode Code { get; } = code;

    /// <summary>For programs: <c>Expired</c>, <c>Forbidden</c>, <c>AlreadyExists</c>; empty when something before the API server answered.</summary>
    public string Reason { get; } = reason;

    /// <summary>How long the server asks to wait (429, 503).</summary>
    public TimeSpan? RetryAfter { get; init; }
}
