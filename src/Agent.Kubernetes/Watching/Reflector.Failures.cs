using System.Diagnostics;
using System.Net;
using System.Security.Authentication;
using System.Text.Json;
using Agent.Kubernetes.Access;

namespace Agent.Kubernetes.Watching;

/// <summary>What follows from a failure: what is said, how long to wait, and whether to list anew.</summary>
public sealed partial class Reflector<T>
{
    // A single 404 may come from a server that is starting up; what is known is not given up for it.
    private const int MissesBeforeGone = 3;

    private static readonly TimeSpan _longestRetryAfter = TimeSpan.FromMinutes(5);

    private long _watchStarted;
    private int _failures;
    private int _misses;
    private volatile int _denials;
    private HttpStatusCode _failureCode;
    private string? _badVersion;

    private void Works()
    {
        _misses = _denials = 0;
        _isNotInstalled = false;
        if (_failure is not null)
            ReflectorLog.Works(_client.Logger, _resource.Plural, _store.Count);
        _failure = null;
    }

    private TimeSpan AfterWatch()
    {
        if (HasPassed(_options.Pace.Settled, _watchStarted))
        {
            _failures = 0;
            return TimeSpan.Zero;
        }
        return AfterFailure();
    }

    private TimeSpan AfterFailure() => _options.Pace.After(++_failures);

    private TimeSpan Judge(Exception exception)
    {
        if (exception is not ApiException { Code: HttpStatusCode.Forbidden })
            _denials = 0;
        switch (exception)
        {
            case ApiException refusal:
                return JudgeRefusal(refusal);
            // InvalidOperationException: the reader's word for text that is not UTF-8.
            case JsonException or InvalidDataException or InvalidOperationException and not ObjectDisposedException:
                return JudgeGarbage(exception);
            case HttpRequestException or IOException or TimeoutException or AuthenticationException or AccessException
                or OperationCanceledException or ObjectDisposedException:
                TimeSpan pause = AfterWatch();
                if (pause > TimeSpan.Zero)
                    Fails(0, Describe(exception));
                return pause;
            default:
                ReflectorLog.Broken(_client.Logger, _resource.Plural, exception);
                _failure = exception.Message;
                _resourceVersion = null;
                return AfterFailure();
        }
    }

    private TimeSpan JudgeRefusal(ApiException refusal)
    {
        TimeSpan pause;
        switch (refusal.Code)
        {
            case HttpStatusCode.Gone:
                _resourceVersion = null;
                pause = HasPassed(_options.Pace.Settled, _listedAt) ? TimeSpan.Zero : AfterFailure();
                break;
            case HttpStatusCode.NotFound when _resource.IsCustom:
                return JudgeMissing(refusal);
            case HttpStatusCode.Forbidden:
                Fails(refusal.Code, refusal.Message);
                pause = JudgeDenial();
                break;
            default:
                // 504: our version is from the future of a server that was restored from a backup.
                if (refusal.Code is HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.GatewayTimeout)
                    _resourceVersion = null;
                pause = AfterFailure();
                Fails(refusal.Code, refusal.Message);
                break;
        }
        TimeSpan asked = refusal.RetryAfter is { } wanted && wanted < _longestRetryAfter ? wanted : refusal.RetryAfter is null ? TimeSpan.Zero : _longestRetryAfter;
        return asked > pause ? asked : pause;
    }

    private TimeSpan JudgeDenial()
    {
        if (_denials < RetryPace.DenialsBeforeForbidden && ++_denials == RetryPace.DenialsBeforeForbidden)
            Report([]);
        return IsForbidden ? RetryPace.Jitter(_options.Pace.Forbidden) : AfterFailure();
    }

    private TimeSpan JudgeMissing(ApiException refusal)
    {
        _resourceVersion = null;
        if (_store.Count > 0 && ++_misses < MissesBeforeGone)
        {
            Fails(refusal.Code, refusal.Message);
            return AfterFailure();
        }

        // With the CRD its objects have gone.
        bool isNews = !_isNotInstalled;
        if (isNews)
            ReflectorLog.NotInstalled(_client.Logger, _resource.Plural, _resource.GroupVersion);
        _isNotInstalled = true;
        _failure = $"{_resource.Plural}.{_resource.GroupVersion} is not installed";
        _failureCode = refusal.Code;
        List<Change<T>> gone = _store.Replace([]);
        if (gone.Count > 0 || isNews)
            Report(gone);
        return RetryPace.Jitter(_options.Pace.NotInstalled);
    }

    // The line that cannot be read may be damaged on its way, and is asked for once more; then the list has to tell.
    private TimeSpan JudgeGarbage(Exception exception)
    {
        if (_badVersion == _resourceVersion)
            _resourceVersion = null;
        _badVersion = _resourceVersion;
        Fails(0, $"the API server sent what cannot be read: {exception.Message}");
        return AfterFailure();
    }

    private void Fails(HttpStatusCode code, string why)
    {
        if (_failure is null || code != _failureCode)
            ReflectorLog.Fails(_client.Logger, _resource.Plural, why);
        _failureCode = code;
        _failure = why;
    }

    private static string Describe(Exception exception)
    {
        Exception cause = exception;
        while (cause is not (AuthenticationException or AccessException or TimeoutException) && cause.InnerException is { } inner)
            cause = inner;
        return cause == exception || exception.Message.Contains(cause.Message, StringComparison.Ordinal) ? exception.Message : $"{exception.Message} ({cause.Message})";
    }

    private static bool HasPassed(TimeSpan time, long since) => since > 0 && Stopwatch.GetElapsedTime(since) >= time;
}
