using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Runs;

/// <summary>Reading, comparing and writing.</summary>
public sealed partial record RunConfig
{
    /// <summary>The defaults, with the values that <paramref name="given"/> holds.</summary>
    /// <param name="given">Values by name; null stands for the default.</param>
    /// <param name="where">Where they come from, for messages.</param>
    /// <exception cref="UserErrorException">An unknown name, or a value of the wrong kind or out of range.</exception>
    public static RunConfig Of(JsonObject given, string where) => SettingTree.Read(new RunConfig(), given, where);

    /// <summary>The configuration of a run, from its folder.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not a valid configuration.</exception>
    public static RunConfig OfRun(string path) => OfRun(JsonFile.ReadObject(path), path);

    /// <summary>The configuration that a run has written.</summary>
    /// <param name="written">By name.</param>
    /// <param name="where">Where it stands, for messages.</param>
    /// <exception cref="UserErrorException">It is not a valid configuration.</exception>
    public static RunConfig OfRun(JsonObject written, string where)
    {
        // Runs of versions without this setting were trained without it, and go on so.
        if (!written.ContainsKey("natural-pass"))
            written["natural-pass"] = false;
        return Of(written, where);
    }

    /// <summary>The first setting that another configuration has otherwise, of those that change what a run computes; null where there is
    /// none.</summary>
    /// <param name="other">To compare with.</param>
    /// <param name="except">A setting that may differ.</param>
    public (string Name, string Own, string Other)? Difference(RunConfig other, string? except = null)
    {
        JsonObject own = ToJson(), others = other.ToJson();
        return Settings.Where(setting => !setting.Incidental).Select(setting => setting.Name)
            .Where(name => name != except && (Uses(name) || other.Uses(name)) && !JsonNode.DeepEquals(own[name], others[name]))
            .Select(name => ((string, string, string)?)(name, Text(own[name]), Text(others[name]))).FirstOrDefault();

        static string Text(JsonNode? value) => value?.ToJsonString() ?? "not given";
    }

    /// <summary>The values by name, without those that are not given.</summary>
    public JsonObject ToJson() => SettingTree.ToJson(this);

    /// <summary>The values by name that decide the result, but for the number of epochs: what tells one run from another.</summary>
    public JsonObject Description()
    {
        JsonObject all = ToJson();
        foreach (Setting setting in Settings.Where(setting => setting.Incidental || setting.Name == "epochs"))
            all.Remove(setting.Name);
        return all;
    }

    /// <summary>The default values of the settings that this run has, by name: under the same method, base objective and
    /// schedule.</summary>
    public JsonObject Defaults()
    {
        JsonObject choices = ToJson();
        foreach (string name in choices.Select(pair => pair.Key).Where(name => name is not ("method" or "base-objective" or "schedule"))
            .ToArray())
            choices.Remove(name);
        // Without the rules: a linear evaluation has no default encoder.
        return SettingTree.Fill(new RunConfig(), choices, "defaults").ToJson();
    }

    /// <summary>The options of a command line that trains this run: what it uses and what differs from the defaults.</summary>
    public IEnumerable<string> Arguments()
    {
        JsonObject plain = new RunConfig().ToJson(), defaults = Defaults();
        return from setting in ToJson()
               let usual = setting.Key is "method" or "base-objective" or "schedule" ? plain[setting.Key] : defaults[setting.Key]
               where Uses(setting.Key) && setting.Key is not ("out" or "resume") && !JsonNode.DeepEquals(setting.Value, usual)
               select $"--{setting.Key} {NumberText.Of(setting.Value)}";
    }

    /// <summary>What training steps and their attack round to.</summary>
    public IEnumerable<Precision> UsedPrecisions() => new[] { Training.Precision, Attack.AttackPrecision ?? Training.Precision }.Distinct();

    /// <summary>Writes the configuration as JSON.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, JsonFile.Text(ToJson()));
}
