using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Robustness.Runs;

/// <summary>A run of a sweep.</summary>
/// <param name="Name">Name of its folder: the name of its entry, or its method, and the values of the grid.</param>
/// <param name="Config">The configuration.</param>
public sealed record SweepRun(string Name, RunConfig Config);

/// <summary>
/// Many runs in one file: <c>{"out": DIR, "base": {options}, "runs": [{"name": N, options}, …], "grid": {"option": [values], …}}</c>. Every
/// entry of runs (by default one empty entry) is trained at every point of the grid. Options of the grid override those of the entry, which
/// override base.
/// </summary>
/// <param name="Out">Folder for the runs; null if the file names none.</param>
/// <param name="Runs">All runs, in the order of execution.</param>
public sealed record SweepPlan(string? Out, IReadOnlyList<SweepRun> Runs)
{
    private const int MaxRuns = 10_000;
    private static readonly string[] Keys = ["out", "base", "grid", "runs"];

    /// <summary>Reads a plan.</summary>
    /// <param name="path">The file.</param>
    /// <param name="configuration">Makes a configuration from options; the text is their source, for messages.</param>
    /// <exception cref="UserErrorException">The file cannot be read or is malformed, options are invalid, or two runs have the same
    /// name.</exception>
    public static SweepPlan Read(string path, Func<JsonObject, string, RunConfig> configuration)
    {
        JsonObject file = JsonFile.ReadObject(path);
        if (file.FirstOrDefault(entry => !Keys.Contains(entry.Key)).Key is { } unknown)
            throw JsonFile.UnknownKey(path, unknown, Keys);
        JsonObject shared = Object(file["base"], $"{path}: base");
        JsonArray entries = file["runs"] is { } given
            ? given as JsonArray ?? throw new UserErrorException($"{path}: runs is not a list")
            : [new JsonObject()];
        List<SweepRun> runs = [];
        JsonObject[] points = [.. Points(Object(file["grid"], $"{path}: grid"), path, MaxRuns / Math.Max(1, entries.Count))];
        foreach (var (i, entry) in entries.Index())
        {
            JsonObject own = Object(entry, $"{path}: runs[{i}]");
            foreach (JsonObject point in points)
                runs.Add(Run(shared, own, point, $"{path}: runs[{i}]", configuration));
        }
        foreach (var duplicates in runs.GroupBy(run => run.Name).Where(group => group.Count() > 1))
            throw new UserErrorException($"{path}: {duplicates.Count()} runs are called {duplicates.Key}: give them a \"name\"");
        return new(file["out"] is { } folder ? Text(folder, $"{path}: out") : null, runs);
    }

    private static SweepRun Run(JsonObject shared, JsonObject own, JsonObject point, string where,
        Func<JsonObject, string, RunConfig> configuration)
    {
        JsonObject all = [];
        foreach (var (key, value) in shared.Concat(own).Concat(point).Where(option => option.Key != "name"))
            all[key] = value?.DeepClone();
        foreach (string key in new[] { "out", "resume", "twin" })
            if (all.ContainsKey(key))
                throw new UserErrorException($"{where}: {key} is for a single training; a sweep names its folders itself");
        RunConfig config = configuration(all, where);
        config = config with { Run = config.Run with { Twin = false } };
        string name = own["name"] is { } given ? Text(given, $"{where}: name") : config.Method.Name;
        foreach (var (key, value) in point)
            name += key == "method" ? own.ContainsKey("name") ? $"-{config.Method.Name}" : "" : $"-{key}-{FolderText(value)}";
        return name.Length > 0 && name.AsSpan().IndexOfAny("/\\:") < 0 && name[0] != '.'
            ? new(name, config)
            : throw new UserErrorException($"{where}: '{name}' cannot be the name of a folder: give the run a \"name\" without / and :");
    }

    /// <summary>A value of the grid as a part of a folder's name: 8-255 for 8/255, 1-2 for the list [1, 2].</summary>
    private static string FolderText(JsonNode? value) =>
        (value is JsonArray list ? string.Join('-', list.Select(FolderText)) : $"{value}").Replace('/', '-').Replace('\\', '-')
            .Replace(':', '-');

    /// <summary>All combinations of the lists' values; the last key changes fastest.</summary>
    private static IEnumerable<JsonObject> Points(JsonObject grid, string path, int most)
    {
        long count = 1;
        IEnumerable<JsonObject> points = [[]];
        foreach (var (key, values) in grid)
        {
            JsonArray list = values as JsonArray ?? throw new UserErrorException($"{path}: grid: {key} is not a list of values");
            if (key == "name")
                throw new UserErrorException($"{path}: grid: name belongs to an entry of runs");
            if (list.Count == 0)
                throw new UserErrorException($"{path}: grid: {key} is an empty list");
            if ((count *= list.Count) > most)
                throw new UserErrorException($"{path}: grid: more than the {MaxRuns:N0} runs that a sweep may have");
            points = [.. points.SelectMany(point => list.Select(value => With(point, key, value)))];
        }
        return points;
    }

    private static JsonObject With(JsonObject point, string key, JsonNode? value)
    {
        JsonObject more = point.DeepClone().AsObject();
        more[key] = value?.DeepClone();
        return more;
    }

    private static JsonObject Object(JsonNode? node, string where) =>
        node is null ? [] : node as JsonObject ?? throw new UserErrorException($"{where} is not an object of options");

    private static string Text(JsonNode node, string where) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : throw new UserErrorException($"{where} is not a text");
}
