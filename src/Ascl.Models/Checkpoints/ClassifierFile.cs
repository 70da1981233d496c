using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Models.Checkpoints;

/// <summary>A classifier in a file: its weights under PyTorch's names, and in the metadata what it is made of.</summary>
public static class ClassifierFile
{
    /// <summary>Under which a file's metadata say what the classifier is made of.</summary>
    public const string Key = "ascl.classifier";

    private const int NamedTensors = 3;

    public static void Save(string path, Classifier model)
    {
        SafetensorsWriter writer = new();
        WeightFile.Add(model.Parameters, writer);
        Describe(model.Spec, writer);
        Provenance.Write(model.Provenance, writer);
        writer.Save(path);
    }

    /// <summary>Writes down what a classifier is made of, in a file that will hold its weights.</summary>
    public static void Describe(ClassifierSpec spec, SafetensorsWriter writer) =>
        writer.Metadata[Key] = Described(spec);

    /// <summary>Loads the weights of a file that <see cref="Save"/> wrote, or of a state dict with the same names, into a classifier of the same structure. The
    /// way to load a network that the catalogue does not know.</summary>
    /// <exception cref="UserErrorException">The file is damaged, or not of this network; the classifier is unchanged.</exception>
    public static void LoadInto(Classifier model, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        WeightFile.Load(model.Parameters, file);
        model.Provenance = Provenance.Of(file.Metadata, path);
    }

    /// <summary>What a classifier is made of, as JSON.</summary>
    public static string Described(ClassifierSpec spec) => JsonSerializer.Serialize(spec, ClassifierJson.Default.ClassifierSpec);

    /// <summary>The classifier in a file.</summary>
    /// <param name="device">Where it shall live.</param>
    /// <param name="path">Ours, or a PyTorch state dict saved as safetensors, whatever stands before the network's own names; where it holds
    /// several sets of weights, with the one that is meant behind a # (<see cref="WeightPath"/>).</param>
    /// <param name="options">What is known besides; null for nothing.</param>
    /// <exception cref="UserErrorException">The file is damaged, or not of this network, or does not say which of its weights are meant.</exception>
    public static Classifier Load(Device device, string path, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        WeightPath place = WeightPath.Parse(path);
        using SafetensorsFile file = SafetensorsFile.Open(place.File);
        ClassifierSpec? written = Written(file.Metadata, file.Path);
        string network = options.Network ?? written?.Network
            ?? throw new UserErrorException($"{file.Path}: does not say what network it is of: name it with --model");
        IReadOnlyList<WeightSet> sets = WeightSet.In(file);
        // Only a network knows all of its names: the likeliest set makes one.
        WeightSet likeliest = WeightSet.Named(sets, place.Set).FirstOrDefault(sets[0]);
        Classifier model = Make(likeliest);
        string[] names = [.. model.Parameters.All.Select(p => p.Name).Where(name => !IsProjection(name))];
        WeightSet set = WeightSet.Choose(sets, names, place);
        if (set != likeliest)
            model = Make(set);
        model.Provenance = Provenance.Of(file.Metadata, file.Path);
        IReadOnlyList<string> unused = WeightFile.Load(model.Parameters, set);
        if (InputLayer.Of(set, model.Spec.Channels, options, written) is { Problem: { } problem })
            throw new UserErrorException($"{file.Path}: {problem}");
        foreach (string line in Notes(set, model.Spec.Channels, unused, [.. sets.Where(other => other != set && other.IsWhole(names))]))
            options.Note?.Invoke($"{file.Path}: {line}");
        return model;

        Classifier Make(WeightSet of)
        {
            WeightShapes shapes = WeightShapes.Of(of);
            InputLayer input = InputLayer.Of(of, shapes.Channels, options, written);
            ClassifierSpec spec = new(NetworkCatalog.VariantOf(network, of.Names), shapes.Channels, shapes.Classes, input.Mean, input.Std)
            {
                ProjectionSize = shapes.ProjectionSize,
                Activation = options.Activation ?? written?.Activation ?? Activation.Relu,
                ClassNames = written?.ClassNames?.Count == shapes.Classes ? written.ClassNames : null,
            };
            return new(device, spec, seed: null);
        }

        IEnumerable<string> Notes(WeightSet of, int channels, IReadOnlyList<string> left, WeightSet[] others)
        {
            if (written is not null && model.Spec.Activation != written.Activation)
                yield return $"it was trained with the activation {Name(written.Activation)}, not {Name(model.Spec.Activation)}, which is used";
            if (written is not null && network != written.Network)
                yield return $"it says it is of {written.Network}, not of {network}, which is used";
            if (InputLayer.Of(of, channels, options, written).Note is { } note)
                yield return note;
            StoredNormalization[] stored = StoredNormalization.In(file, channels);
            HashSet<string> normalizations = [.. stored.Select(one => one.MeanName), .. stored.Select(one => one.StdName)];
            string[] strange =
            [
                .. left.Where(name => !normalizations.Contains(name) && !WeightSet.IsOfOptimizer(name))
                    .Where(name => !others.Any(other => other.Prefix.Length > 0 && other.IsUnder(name))),
            ];
            if (strange.Length > 0)
                yield return $"left out, as {model.Spec.Network} has no place for them: {string.Join(", ", strange.Take(NamedTensors))}"
                    + (strange.Length > NamedTensors ? $" and {strange.Length - NamedTensors} more tensors" : "");
        }
    }

    /// <summary>What a file's metadata say its classifier is made of; null where they say nothing.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="UserErrorException">What it says is damaged.</exception>
    public static ClassifierSpec? Written(IReadOnlyDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue(Key, out string? text))
            return null;
        ClassifierSpec? spec;
        try
        {
            spec = JsonSerializer.Deserialize(text, ClassifierJson.Default.ClassifierSpec);
        }
        catch (JsonException e)
        {
            throw Damaged(e.Message, e);
        }
        return spec is null ? throw Damaged("it is null")
            : string.IsNullOrEmpty(spec.Network) ? throw Damaged("it names no network")
            : spec.Mean is null || spec.Std is null || spec.Mean.Length != spec.Std.Length ? throw Damaged("mean and std are not of one length")
            : !spec.Mean.All(float.IsFinite) || !spec.Std.All(value => value > 0 && float.IsFinite(value)) ? throw Damaged("std is not more than 0")
            : !Enum.IsDefined(spec.Activation) ? throw Damaged("there is no such activation")
            : spec.ClassNames?.Contains(null!) == true ? throw Damaged("a class has no name")
            : spec;

        UserErrorException Damaged(string problem, Exception? cause = null) =>
            new($"{path}: the description of the classifier in its metadata is damaged: {problem}", cause);
    }

    private static string Name(Activation activation) => activation.ToString().ToLowerInvariant();

    private static bool IsProjection(string name) => name.StartsWith("projection.", StringComparison.Ordinal);

    /// <summary>The input normalisation that a classifier gets, and what is to be said of it.</summary>
    private sealed record InputLayer(float[] Mean, float[] Std, string? Note = null, string? Problem = null)
    {
        public static InputLayer Of(WeightSet set, int channels, LoadOptions options, ClassifierSpec? written)
        {
            StoredNormalization? stored = StoredNormalization.Of(set, StoredNormalization.In(set.File, channels));
            string tensors = $"its tensors '{stored?.MeanName}' and '{stored?.StdName}'";
            if ((options.Normalization ?? (written is null ? null : (written.Mean, written.Std))) is var (mean, std))
            {
                string? other = stored is { Problem: null } && !stored.Is(mean, std) ? $"{tensors} say another input normalisation, {Text(stored.Mean, stored.Std)},"
                    : written is not null && !(written.Mean.SequenceEqual(mean) && written.Std.SequenceEqual(std)) ? $"it was trained with another input normalisation, {Text(written.Mean, written.Std)},"
                    : null;
                string? note = other is null ? null : $"{other} than {Text(mean, std)}, which is used";
                return mean.Length == 0 || mean.Length == channels
                    ? new(mean, std, note)
                    : new([], [], Problem: $"the network takes images of {channels} channels, the input normalisation has {mean.Length}");
            }
            if (stored is null)
                return new([], [], "no input normalisation is known: images go in as they are, in [0, 1] (--normalize gives one)");
            string scale = stored.IsScaled ? ", which are for images in 0 to 255, divided by 255" : "";
            return stored.Problem is null
                ? new(stored.Mean, stored.Std, $"input normalisation {Text(stored.Mean, stored.Std)} of {tensors}{scale}")
                : new([], [], Problem: $"{tensors} are no input normalisation, as {stored.Problem}: give one with --normalize");
        }

        private static string Text(float[] mean, float[] std) => mean.Length == 0 ? "none" : $"{string.Join(",", mean)}/{string.Join(",", std)}";
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClassifierSpec))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ClassifierJson : JsonSerializerContext;
