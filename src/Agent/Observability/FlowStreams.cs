using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Agent.Observability.Flows;
using Microsoft.AspNetCore.Http;

namespace Agent.Observability;

/// <summary>Flows over the admin socket, as lines of JSON that are sent as they come.</summary>
internal static class FlowStreams
{
    private const int MaxBatch = 256; // lines between two looks at whether the client takes them
    private const int LongestInterval = 60; // seconds

    /// <summary>
    /// <c>?last=</c> and <c>?since=</c> (seconds) choose of what was noted before, <c>?follow=true</c> goes on with what comes; the rest is
    /// <see cref="FlowFilter"/>'s.
    /// </summary>
    public static Task Observe(HttpContext context, NodeAgent agent, CancellationToken stop) => Watch(context, agent, stop, async (watcher, kept, filter, token) =>
    {
        IQueryCollection query = context.Request.Query;
        int last = Number(query, "last", FlowHistory.Capacity, absent: query.ContainsKey("since") ? FlowHistory.Capacity : 0);
        DateTimeOffset since = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(Number(query, "since", int.MaxValue, absent: int.MaxValue));
        bool isFollowing = query["follow"] == "true";
        await context.Response.BodyWriter.FlushAsync(token); // the headers, long before there may be a line
        foreach (Flow flow in kept.Where(flow => flow.Time >= since && filter.Matches(flow)).TakeLast(last))
            await Write(context, flow, FlowJson.Default.Flow, token);
        while (isFollowing && await watcher.Flows.WaitToReadAsync(token))
        {
            for (int i = 0; i < MaxBatch && watcher.Flows.TryRead(out Flow? flow); i++)
                Append(context, flow, FlowJson.Default.Flow);
            await context.Response.BodyWriter.FlushAsync(token);
        }
    });

    /// <summary>Sends a summary each <c>?seconds=</c>.</summary>
    public static Task Top(HttpContext context, NodeAgent agent, CancellationToken stop) => Watch(context, agent, stop, async (watcher, _, _, token) =>
    {
        TimeSpan interval = TimeSpan.FromSeconds(Math.Max(1, Number(context.Request.Query, "seconds", LongestInterval, absent: 2)));
        await context.Response.BodyWriter.FlushAsync(token); // the headers, long before there may be a line
        TopCounter counter = new(agent);
        using PeriodicTimer timer = new(interval);
        Task<bool> tick = timer.WaitForNextTickAsync(token).AsTask();
        Task<bool> flows = watcher.Flows.WaitToReadAsync(token).AsTask();
        while (true)
        {
            if (await Task.WhenAny(tick, flows) == tick)
            {
                await tick;
                await Write(context, counter.Take(), TopJson.Default.TopReport, token);
                tick = timer.WaitForNextTickAsync(token).AsTask();
                continue;
            }

            if (!await flows)
                return;
            while (watcher.Flows.TryRead(out Flow? flow))
                counter.Add(flow);
            flows = watcher.Flows.WaitToReadAsync(token).AsTask();
        }
    });

    private static async Task Watch(
        HttpContext context, NodeAgent agent, CancellationToken stop, Func<FlowWatcher, IReadOnlyList<Flow>, FlowFilter, CancellationToken, Task> serve)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop);
        try
        {
            FlowFilter filter = FlowFilter.Parse(key => [.. context.Request.Query[key].Select(value => value ?? "")]);
            using FlowWatcher? watcher = agent.Flows.TryWatch(filter, out IReadOnlyList<Flow> kept);
            if (watcher == null)
                await Refuse(context, StatusCodes.Status503ServiceUnavailable, $"{FlowHub.MaxWatchers} watch already");
            else
                await serve(watcher, kept, filter, end.Token);
        }
        catch (FormatException error)
        {
            await Refuse(context, StatusCodes.Status400BadRequest, error.Message);
        }
        catch (OperationCanceledException)
        {
            // The client has left, or the agent stops.
        }
    }

    private static Task Refuse(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(reason);
    }

    private static int Number(IQueryCollection query, string key, int most, int absent)
    {
        if (!query.ContainsKey(key))
            return absent;
        return int.TryParse(query[key], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= most
            ? number
            : throw new FormatException($"{key}: not a whole number from 0 to {most}");
    }

    private static async Task Write<T>(HttpContext context, T value, JsonTypeInfo<T> type, CancellationToken token)
    {
        Append(context, value, type);
        await context.Response.BodyWriter.FlushAsync(token);
    }

    private static void Append<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        using (Utf8JsonWriter json = new(context.Response.BodyWriter))
            JsonSerializer.Serialize(json, value, type);
        Span<byte> end = context.Response.BodyWriter.GetSpan(1);
        end[0] = (byte)'\n';
        context.Response.BodyWriter.Advance(1);
    }
}
