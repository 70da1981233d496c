using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>Reading, checking and writing.</summary>
public sealed partial record RunConfig
{
    /// <summary>The defaults, with the values that <paramref name="given"/> holds.</summary>
    /// <param name="given">Values by key; null stands for the default.</param>
    /// <param name="where">Where they come from, for messages.</param>
    /// <exception cref="UserErrorException">An unknown key, or a value of the wrong kind or out of range.</exception>
    public static RunConfig Of(JsonObject given, string where)
    {
        JsonObject whole = new RunConfig().ToJson();
        foreach (var (key, value) in given)
        {
            if (!Keys.Contains(key))
                throw JsonFile.UnknownKey(where, key, Keys);
            if (value is not null)
                whole[key] = value.DeepClone();
        }
        try
        {
            RunConfig config = whole.Deserialize(RunConfigJson.Default.RunConfig)!;
            // What follows from other settings follows from those that were given.
            if (given["epsilon"] is null)
                config = config with { GivenEpsilon = null };
            if (given["step-size"] is null)
                config = config with { GivenStepSize = null };
            if (given["natural-pass"] is null)
                config = config with { GivenNaturalPass = null };
            return config.Checked(where);
        }
        catch (JsonException e)
        {
            string key = e.Path?.TrimStart('$', '.') ?? "";
            string? value = whole[key.Split('[')[0]]?.ToJsonString();
            throw new UserErrorException($"{where}: {key} is {value}: not a value of the right kind", e);
        }
    }

    /// <summary>The configuration of a run, from its folder.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not a valid configuration.</exception>
    public static RunConfig OfRun(string path) => OfRun(JsonFile.ReadObject(path), path);

    /// <summary>The configuration that a run has written.</summary>
    /// <param name="where">Where it stands, for messages.</param>
    /// <exception cref="UserErrorException">It is not a valid configuration.</exception>
    public static RunConfig OfRun(JsonObject written, string where)
    {
        // Runs of builds without this setting were trained without it, and go on so.
        if (!written.ContainsKey("natural-pass"))
            written["natural-pass"] = false;
        return Of(written, where);
    }

    /// <summary>The first setting that another configuration has otherwise, of those that change what a run computes; null where there is none.</summary>
    /// <param name="except">A setting that may differ.</param>
    public (string Key, string Own, string Other)? Difference(RunConfig other, string? except = null)
    {
        JsonObject own = ToJson(), others = other.ToJson();
        return Settings.Where(setting => !setting.Incidental).Select(setting => setting.Name).Where(key => key != except && !JsonNode.DeepEquals(own[key], others[key]))
            .Select(key => ((string, string, string)?)(key, Text(own[key]), Text(others[key]))).FirstOrDefault();

        static string Text(JsonNode? value) => value?.ToJsonString() ?? "not given";
    }

    /// <summary>The values by key, without those that are null.</summary>
    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, RunConfigJson.Default.RunConfig)!.AsObject();

    /// <summary>The options of a command line that trains this run: what it uses and what differs from the defaults.</summary>
    public IEnumerable<string> Arguments()
    {
        JsonObject defaults = new RunConfig().ToJson();
        return from setting in ToJson()
               where Uses(setting.Key) && setting.Key is not ("out" or "resume") && !JsonNode.DeepEquals(setting.Value, defaults[setting.Key])
               select $"--{setting.Key} {NumberText.Of(setting.Value)}";
    }

    /// <summary>Whether the value under a key changes what this run computes: a method leaves the settings of others alone.</summary>
    public bool Uses(string key)
    {
        bool contrasts = Method is "ascl" or "supcon", attacks = Method is not ("natural" or "supcon");
        string foundation = Method is "ascl" or "adr" ? Foundation : Method;
        return key switch
        {
            "strategy" or "distance" or "temperature" or "normalize-rows" or "head" => contrasts,
            "contrastive-weight" or "vat-weight" => Method == "ascl",
            "view-pairing" => Method == "ascl" && Views == 2,
            "foundation" => Method is "ascl" or "adr",
            "natural-weight" or "robust-weight" => foundation == "pgd-at",
            "natural-pass" => Method == "pgd-at",
            "trades-beta" => foundation == "trades",
            "local-compactness-weight" or "local-smoothness-weight" or "global-compactness-weight" or "global-smoothness-weight" or "confidence-weight" => Method == "adr",
            // Validation attacks too, whatever the method.
            "start" or "early-stop" or "bn-mode" or "attack-precision" => attacks,
            "milestones" or "decay" => Schedule == "piecewise",
            _ => true,
        };
    }

    /// <summary>Those of training steps and of their attack.</summary>
    public IEnumerable<string> UsedPrecisions() => new[] { Precision, AttackPrecision ?? Precision }.Distinct();

    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, RunConfigJson.Default.RunConfig) + "\n");

    /// <summary>This configuration, where all of its values are valid.</summary>
    /// <param name="where">Where they come from, for messages.</param>
    /// <exception cref="UserErrorException">A value is unknown or out of range.</exception>
    public RunConfig Checked(string where = "configuration")
    {
        foreach (Setting setting in Settings)
            setting.Check(this, where);
        InputNormalization.Check(Normalize);
        Require(Data.Length > 0, "data", Data, "must name a data set");
        Require(Model.Length > 0, "model", Model, "must name a network");
        Require(Method != "pgd-at" || NaturalWeight + RobustWeight > 0, "robust-weight", RobustWeight, "and so is natural-weight: nothing would be learned");
        Require(Views == 1 || Augment != "off", "augment", Augment, "two views of an image differ by it");
        Require(Views == 2 || ViewPairing == "jointly", "view-pairing", ViewPairing, "needs two views of each image (views 2)");
        Require(Views == 2 || Method != "supcon", "views", Views, "supcon contrasts two views of each image (views 2)");
        Require(From is not null || Method != "linear", "from", "not given", "a linear evaluation needs an encoder, such as that of a run of supcon");
        Require(Epsilon == 0 || StepSize > 0, "step-size", StepSize, "must be more than 0");
        Require(
            Norm != "linf" || Epsilon <= 1, "epsilon", Epsilon, "must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)");
        Require(Warmup < Epochs, "warmup", Warmup, $"must be less than the {Epochs} epochs");
        string given = string.Join(",", Milestones);
        Require(Schedule != "piecewise" || Milestones.Count > 0, "milestones", "empty", "a piecewise schedule needs them (such as 100,105)");
        Require(Milestones.Zip(Milestones.Skip(1)).All(pair => pair.First < pair.Second), "milestones", given, "must rise");
        Require(Milestones.All(epoch => epoch >= 1 && epoch < Epochs), "milestones", given, $"must lie between 1 and the last of {Epochs} epochs");
        return this;

        void Require(bool holds, string key, object? value, string rule)
        {
            if (!holds)
                throw new UserErrorException($"{where}: {key} is {value}: {rule}");
        }
    }
}
