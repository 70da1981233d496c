using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Runs;

/// <summary>Reading, comparing and writing configurations.</summary>
public sealed partial record RunConfig
{
    /// <summary>The defaults overridden by given values.</summary>
    /// <param name="given">Values by setting name; null stands for the default.</param>
    /// <param name="where">Source of the values, for messages.</param>
    /// <exception cref="UserErrorException">A name is unknown, or a value has the wrong type or is out of range.</exception>
    public static RunConfig Of(JsonObject given, string where) => SettingTree.Read(new RunConfig(), given, where);

    /// <summary>Reads the configuration file of a run.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not a valid configuration.</exception>
    public static RunConfig OfRun(string path) => OfRun(JsonFile.ReadObject(path), path);

    /// <summary>The configuration written by a run.</summary>
    /// <param name="written">Values by setting name.</param>
    /// <param name="where">Source of the configuration, for messages.</param>
    /// <exception cref="UserErrorException">It is not a valid configuration.</exception>
    public static RunConfig OfRun(JsonObject written, string where)
    {
        // Older runs without this setting were trained without it, and are resumed without it.
        if (!written.ContainsKey("natural-pass"))
            written["natural-pass"] = false;
        return Of(written, where);
    }

    /// <summary>The first setting in which another configuration differs, among those that affect the result of a run; null if there is
    /// none.</summary>
    /// <param name="other">The configuration to compare with.</param>
    /// <param name="except">A setting that may differ.</param>
    public (string Name, string Own, string Other)? Difference(RunConfig other, string? except = null)
    {
        JsonObject own = ToJson(), others = other.ToJson();
        return Settings.Where(setting => !setting.Incidental).Select(setting => setting.Name)
            .Where(name => name != except && (Uses(name) || other.Uses(name)) && !JsonNode.DeepEquals(own[name], others[name]))
            .Select(name => ((string, string, string)?)(name, Text(own[name]), Text(others[name]))).FirstOrDefault();

        static string Text(JsonNode? value) => value?.ToJsonString() ?? "not given";
    }

    /// <summary>The values by setting name, without those that are null.</summary>
    public JsonObject ToJson() => SettingTree.ToJson(this);

    /// <summary>The values by name of the settings that determine the result, except the number of epochs; they identify a run.</summary>
    public JsonObject Description()
    {
        JsonObject all = ToJson();
        foreach (Setting setting in Settings.Where(setting => setting.Incidental || setting.Name == "epochs"))
            all.Remove(setting.Name);
        return all;
    }

    /// <summary>The default values of this run's settings, by name, for the same method, base objective and schedule.</summary>
    public JsonObject Defaults()
    {
        JsonObject choices = ToJson();
        foreach (string name in choices.Select(pair => pair.Key).Where(name => name is not ("method" or "base-objective" or "schedule"))
            .ToArray())
            choices.Remove(name);
        // Rules are not checked: a linear evaluation has no default encoder.
        return SettingTree.Fill(new RunConfig(), choices, "defaults").ToJson();
    }

    /// <summary>The command-line options that train this run: the settings that it uses and that differ from their defaults.</summary>
    public IEnumerable<string> Arguments()
    {
        JsonObject plain = new RunConfig().ToJson(), defaults = Defaults();
        return from setting in ToJson()
               let usual = setting.Key is "method" or "base-objective" or "schedule" ? plain[setting.Key] : defaults[setting.Key]
               where Uses(setting.Key) && setting.Key is not ("out" or "resume") && !JsonNode.DeepEquals(setting.Value, usual)
               select $"--{setting.Key} {NumberText.Of(setting.Value)}";
    }

    /// <summary>The precisions of training steps and their attack.</summary>
    public IEnumerable<Precision> UsedPrecisions() => new[] { Training.Precision, Attack.AttackPrecision ?? Training.Precision }.Distinct();

    /// <summary>Writes the configuration as JSON.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, JsonFile.Text(ToJson()));
}
