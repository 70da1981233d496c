using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Models.Checkpoints;

/// <summary>Saves and loads classifiers as safetensors files: weights under their PyTorch names, the <see cref="ClassifierSpec"/> as JSON
/// in the metadata.</summary>
public static class ClassifierFile
{
    /// <summary>Metadata key of the <see cref="ClassifierSpec"/>.</summary>
    public const string Key = "ascl.classifier";

    private const int NamedTensors = 3;

    /// <summary>Writes weights, specification and provenance.</summary>
    /// <exception cref="UserErrorException">The file cannot be written; an earlier file of that name is unchanged.</exception>
    public static void Save(string path, Classifier model)
    {
        SafetensorsWriter writer = new();
        WeightFile.Add(model.Parameters, writer);
        Describe(model.Spec, writer);
        Provenance.Write(model.Provenance, writer);
        writer.Save(path);
    }

    /// <summary>Adds a specification to the metadata of a file that is being written.</summary>
    public static void Describe(ClassifierSpec spec, SafetensorsWriter writer) =>
        writer.Metadata[Key] = Described(spec);

    /// <summary>Loads weights into a classifier of the same structure. Use it for networks that <see cref="NetworkCatalog"/> does not
    /// list.</summary>
    /// <param name="model">Receives the weights and the provenance.</param>
    /// <param name="path">A file that <see cref="Save"/> wrote, or a safetensors state dict with the same names.</param>
    /// <exception cref="UserErrorException">The file is damaged or holds another network; the classifier is unchanged.</exception>
    public static void LoadInto(Classifier model, string path)
    {
        using TensorFile file = TensorFile.Open(path);
        WeightFile.Load(model.Parameters, file);
        model.Provenance = Provenance.Of(file.Metadata, path);
    }

    /// <summary>The specification as JSON, with snake_case keys.</summary>
    public static string Described(ClassifierSpec spec) => JsonSerializer.Serialize(spec, ClassifierJson.Default.ClassifierSpec);

    /// <summary>Creates the classifier that a file describes and loads its weights.</summary>
    /// <param name="device">Device of the tensors.</param>
    /// <param name="path">A file that <see cref="Save"/> wrote, or a PyTorch state dict saved by torch.save or as safetensors, also
    /// inside a larger checkpoint, with any prefix before the network's names. FILE#SET selects one of several sets of weights
    /// (<see cref="WeightPath"/>).</param>
    /// <param name="options">What the file does not say, or what overrides it; null for nothing.</param>
    /// <exception cref="UserErrorException">The file is damaged, holds another network, or holds several sets of weights that differ and
    /// <paramref name="path"/> selects none.</exception>
    public static Classifier Load(Device device, string path, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        WeightPath place = WeightPath.Parse(path);
        using TensorFile file = TensorFile.Open(place.File);
        ClassifierSpec? written = Written(file.Metadata, file.Path);
        string network = options.Network ?? written?.Network ?? Architecture(file.Metadata)
            ?? throw new UserErrorException(
                $"{file.Path}: does not say what network it is of: set {nameof(LoadOptions.Network)} (option model)");
        if (options.Network is null)
            CheckKnown(network, file.Path);
        IReadOnlyList<WeightSet> sets = WeightSet.In(file);
        // Choosing a set needs all of the network's names, so the network is first made for the likeliest set.
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
            string variant = NetworkCatalog.VariantOf(network, of.Names);
            ClassifierSpec spec = new(variant, shapes.Channels, shapes.Classes, input.Mean, input.Std)
            {
                ProjectionSize = shapes.ProjectionSize,
                Activation = options.Activation ?? written?.Activation ?? NetworkCatalog.ActivationOf(variant),
                ClassNames = written?.ClassNames?.Count == shapes.Classes ? written.ClassNames : null,
            };
            return new(device, spec, seed: null);
        }

        IEnumerable<string> Notes(WeightSet of, int channels, IReadOnlyList<string> left, WeightSet[] others)
        {
            if (written is not null && model.Spec.Activation != written.Activation)
            {
                yield return $"it was trained with the activation {Name(written.Activation)}, "
                    + $"not {Name(model.Spec.Activation)}, which is used";
            }
            if (options.Network is null && written is null)
                yield return $"it says it is of {network}";
            if (file is not SafetensorsFile && of.IsNamed)
                yield return $"its weights '{of.Prefix.TrimEnd('.')}' are read";
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

    /// <summary>The network that a PyTorch checkpoint names as its "arch", if it is one of the catalogue.</summary>
    private static string? Architecture(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("arch", out string? name))
            return null;
        try
        {
            NetworkCatalog.Check(name);
            return name;
        }
        catch (UserErrorException)
        {
            return null;
        }
    }

    private static void CheckKnown(string network, string path)
    {
        try
        {
            NetworkCatalog.Check(network);
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"{path}: is of a network that is not built in; a program that has it makes it and loads the "
                + $"weights with {nameof(ClassifierFile)}.{nameof(LoadInto)} ({e.Message})", e);
        }
    }

    /// <summary>Reads the specification from a file's metadata; null where there is none.</summary>
    /// <param name="metadata">Metadata of a safetensors or ONNX file.</param>
    /// <param name="path">The file's name in error messages.</param>
    /// <exception cref="UserErrorException">The JSON is invalid, or a value is missing or out of range.</exception>
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
            : spec.Mean is null || spec.Std is null || spec.Mean.Length != spec.Std.Length
                ? throw Damaged("mean and std are not of one length")
            : !spec.Mean.All(float.IsFinite) || !spec.Std.All(value => value > 0 && float.IsFinite(value))
                ? throw Damaged("std is not more than 0")
            : !Enum.IsDefined(spec.Activation) ? throw Damaged("there is no such activation")
            : spec.ClassNames?.Contains(null!) == true ? throw Damaged("a class has no name")
            : spec;

        UserErrorException Damaged(string problem, Exception? cause = null) =>
            new($"{path}: the description of the classifier in its metadata is damaged: {problem}", cause);
    }

    private static string Name(Activation activation) => NameText.Of(activation);

    private static bool IsProjection(string name) => name.StartsWith("projection.", StringComparison.Ordinal);

    /// <summary>The input normalisation of a loaded classifier, with a note for the user or the reason why there is none.</summary>
    private sealed record InputLayer(float[] Mean, float[] Std, string? Note = null, string? Problem = null)
    {
        public static InputLayer Of(WeightSet set, int channels, LoadOptions options, ClassifierSpec? written)
        {
            StoredNormalization? stored = StoredNormalization.Of(set, StoredNormalization.In(set.File, channels));
            string tensors = $"its tensors '{stored?.MeanName}' and '{stored?.StdName}'";
            if ((options.Normalization ?? (written is null ? null : (written.Mean, written.Std))) is var (mean, std))
            {
                string? other = stored is { Problem: null } && !stored.Is(mean, std)
                    ? $"{tensors} say another input normalisation, {Text(stored.Mean, stored.Std)},"
                    : written is not null && !(written.Mean.SequenceEqual(mean) && written.Std.SequenceEqual(std))
                        ? $"it was trained with another input normalisation, {Text(written.Mean, written.Std)},"
                        : null;
                string? note = other is null ? null : $"{other} than {Text(mean, std)}, which is used";
                return mean.Length == 0 || mean.Length == channels
                    ? new(mean, std, note)
                    : new([], [], Problem: $"the network takes images of {channels} channels, the input normalisation has {mean.Length}");
            }
            if (stored is null)
                return new([], [], "no input normalisation is known: images go in as they are, in [0, 1] (option normalize sets one)");
            string scale = stored.IsScaled ? ", which are for images in 0 to 255, divided by 255" : "";
            string advice = $"set {nameof(LoadOptions.Normalization)} (option normalize)";
            return stored.Problem is null
                ? new(stored.Mean, stored.Std, $"input normalisation {Text(stored.Mean, stored.Std)} of {tensors}{scale}")
                : new([], [], Problem: $"{tensors} are no input normalisation, as {stored.Problem}: {advice}");
        }

        private static string Text(float[] mean, float[] std) =>
            mean.Length == 0 ? "none" : $"{string.Join(",", mean)}/{string.Join(",", std)}";
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClassifierSpec))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ClassifierJson : JsonSerializerContext;
