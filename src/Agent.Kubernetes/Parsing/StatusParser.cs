using System.Net;
using System.Text;
using System.Text.Json;

namespace Agent.Kubernetes.Parsing;

/// <summary>meta/v1 Status: what the API server answers in place of what was asked for.</summary>
internal static class StatusParser
{
    private const int MaxMessage = 500;

    /// <param name="body">A Status, or whatever a proxy says.</param>
    /// <param name="fallback">The code when the body has none.</param>
    public static ApiException Parse(ReadOnlySpan<byte> body, HttpStatusCode fallback)
    {
        try
        {
            return ParseStatus(body, fallback);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return new ApiException(fallback, "", $"{(int)fallback} {fallback}: {OneLine(Encoding.UTF8.GetString(body))}");
        }
    }

    private static ApiException ParseStatus(ReadOnlySpan<byte> body, HttpStatusCode fallback)
    {
        string? message = null, reason = null;
        long code = 0, retryAfter = 0;
        Utf8JsonReader json = JsonFields.Open(body);
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("message"u8))
                message = json.Text();
            else if (json.ValueTextEquals("reason"u8))
                reason = json.Text();
            else if (json.ValueTextEquals("code"u8))
                code = json.Number() ?? 0;
            else if (json.ValueTextEquals("details"u8))
                retryAfter = ParseRetryAfter(ref json);
            else
                json.SkipValue();
        }
        HttpStatusCode status = code is >= 100 and < 600 ? (HttpStatusCode)code : fallback;
        return new ApiException(status, reason ?? "", $"{(int)status} {reason ?? status.ToString()}: {OneLine(message ?? "")}")
        {
            RetryAfter = retryAfter > 0 ? TimeSpan.FromSeconds(retryAfter) : null,
        };
    }

    private static long ParseRetryAfter(ref Utf8JsonReader json)
    {
        long seconds = 0;
        if (!json.EnterObject())
            return seconds;
        while (json.NextProperty())
        {
            if (json.ValueTextEquals("retryAfterSeconds"u8))
                seconds = Math.Clamp(json.Number() ?? 0, 0, 3600);
            else
                json.SkipValue();
        }
        return seconds;
    }

    private static string OneLine(string text)
    {
        string start = text.Length > MaxMessage ? text[..MaxMessage] : text;
        return string.Concat(start.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
    }
}
