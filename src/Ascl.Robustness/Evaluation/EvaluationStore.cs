using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;

namespace Ascl.Robustness.Evaluation;

/// <summary>What an attack did to some images.</summary>
/// <param name="Turned">Places in the evaluated set.</param>
/// <param name="Images">The adversarial image of each of them; empty where they are not kept.</param>
public sealed record ChunkOutcome(IReadOnlyList<int> Turned, IReadOnlyList<float[]> Images, int Rejected, double Seconds);

/// <summary>How small a change turns some images.</summary>
/// <param name="Sizes">Of each of them; infinite where none was found.</param>
public sealed record SizesOutcome(IReadOnlyList<float> Sizes, double Seconds);

/// <summary>
/// The folder of an evaluation: evaluation.json (what is evaluated, and how), chunks/ (what each attack has done to each batch so far), and
/// in the end adversarial.safetensors, sizes.safetensors where smallest changes were looked for, and report.json, report.md, report.html.
/// Stopped at any moment, it goes on after the last whole batch.
/// </summary>
public sealed class EvaluationStore
{
    private const string Settings = "evaluation.json";
    private readonly string folder;
    private readonly ImageSet images;

    private EvaluationStore(string folder, ImageSet images) => (this.folder, this.images) = (folder, images);

    /// <summary>Path of the adversarial images.</summary>
    public string AdversarialFile => Path.Combine(folder, "adversarial.safetensors");
    /// <summary>Path of the sizes of the smallest changes.</summary>
    public string SizesFile => Path.Combine(folder, "sizes.safetensors");
    /// <summary>Path of the report in JSON.</summary>
    public string ReportFile => Path.Combine(folder, "report.json");

    /// <summary>Path of the report in HTML.</summary>
    public string PageFile => Path.Combine(folder, "report.html");
    /// <summary>Path of the report in Markdown.</summary>
    public string MarkdownFile => Path.Combine(folder, "report.md");

    private string Chunks => Path.Combine(folder, "chunks");

    /// <summary>A new folder, or one in which the same evaluation has begun.</summary>
    /// <param name="settings">All that the result depends on.</param>
    /// <exception cref="UserErrorException">The folder holds something else.</exception>
    public static EvaluationStore Open(string folder, JsonObject settings, ImageSet images)
    {
        if (File.Exists(folder))
            throw new UserErrorException($"{folder}: is a file, not a folder for an evaluation");
        string file = Path.Combine(folder, Settings);
        if (File.Exists(file))
        {
            JsonObject found = JsonFile.ReadObject(file);
            foreach (string key in settings.Select(s => s.Key).Union(found.Select(s => s.Key)))
                if (found[key]?.ToJsonString() != settings[key]?.ToJsonString())
                    throw key is "content" or "weights" && found[key] is not null
                        ? new UserErrorException($"{folder}: holds an evaluation of other {(key == "content" ? "images" : "weights")}, "
                            + "though perhaps of the same name: choose another folder with --out")
                        : new UserErrorException($"{folder}: holds an evaluation with {key} {found[key]?.ToJsonString() ?? "not given"}, "
                            + $"not {settings[key]?.ToJsonString() ?? "none"}: choose another folder with --out");
        }
        else if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new UserErrorException($"{folder}: is not empty: choose another folder with --out");
        }
        EvaluationStore store = new(folder, images);
        AtomicFile.CreateFolder(store.Chunks);
        if (!File.Exists(file))
            AtomicFile.WriteText(file, settings.ToJsonString() + "\n");
        return store;
    }

    /// <summary>The report of a finished evaluation; null before it is finished.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public EvaluationReport? ReadReport() => EvaluationReport.Read(ReportFile);

    /// <summary>Batches that attacks have been through already.</summary>
    public int Batches => Directory.EnumerateFiles(Chunks, "*.safetensors").Count();

    /// <summary>What is known of a batch; null where the attack has not been through it.</summary>
    public ChunkOutcome? Read(int attack, int chunk, int[] places)
    {
        using SafetensorsFile? file = Open(PathOf(attack, chunk), places);
        if (file is null)
            return null;
        long[] turned = file.ReadIntegers("turned");
        float[] kept = turned.Length == 0 ? [] : file.ReadFloats("images");
        bool isWhole = turned.Distinct().Count() == turned.Length
            && turned.All(place => places.Contains((int)long.Clamp(place, -1, int.MaxValue)))
            && kept.Length == (long)turned.Length * images.ImageLength && kept.All(value => value is >= 0 and <= 1);
        if (!isWhole
            || !int.TryParse(file.Metadata.GetValueOrDefault("rejected"), NumberStyles.None, CultureInfo.InvariantCulture,
                out int rejected))
            throw Damaged(file);
        return new([.. turned.Select(place => (int)place)], [.. kept.Chunk(images.ImageLength)], rejected, Seconds(file));
    }

    /// <summary>Keeps what an attack did to a batch, so that an evaluation that was stopped resumes after it.</summary>
    public void Write(int attack, int chunk, int[] places, ChunkOutcome outcome)
    {
        SafetensorsWriter writer = Writer(places, outcome.Seconds);
        writer.Add("turned", [outcome.Turned.Count], [.. outcome.Turned.Select(p => (long)p)]);
        if (outcome.Turned.Count > 0)
            writer.Add("images", [outcome.Turned.Count, images.Channels, images.Height, images.Width],
                [.. outcome.Images.SelectMany(i => i)]);
        writer.Metadata["rejected"] = outcome.Rejected.ToString(CultureInfo.InvariantCulture);
        writer.Save(PathOf(attack, chunk));
    }

    /// <summary>What is known of the smallest changes of a batch; null where they have not been looked for.</summary>
    public SizesOutcome? ReadSizes(int chunk, int[] places)
    {
        using SafetensorsFile? file = Open(SizesPathOf(chunk), places);
        return file is null ? null : new(file.ReadFloats("sizes"), Seconds(file));
    }

    /// <summary>Keeps the sizes of the smallest changes found for a batch.</summary>
    public void WriteSizes(int chunk, int[] places, SizesOutcome outcome)
    {
        SafetensorsWriter writer = Writer(places, outcome.Seconds);
        writer.Add("sizes", [places.Length], [.. outcome.Sizes]);
        writer.Save(SizesPathOf(chunk));
    }

    /// <summary>Writes the report and all adversarial images, and forgets the batches.</summary>
    /// <returns>The adversarial images.</returns>
    public AdversarialImages Finish(EvaluationReport report)
    {
        List<(int Place, int Attack, float[] Image)> all = [];
        foreach (string path in Directory.EnumerateFiles(Chunks, "???-??????.safetensors").Order(StringComparer.Ordinal))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            int attack = int.Parse(Path.GetFileName(path)[..3], CultureInfo.InvariantCulture);
            long[] turned = [.. file.ReadIntegers("turned")];
            if (turned.Length > 0)
                all.AddRange(turned.Zip(file.ReadFloats("images").Chunk(images.ImageLength),
                    (place, image) => ((int)place, attack, image)));
        }
        AdversarialImages kept = new([.. all.Select(a => images.Ids[a.Place])], [.. all.Select(a => images.Labels[a.Place])],
            [.. all.Select(a => a.Attack)], [.. all.Select(a => a.Image)]);
        kept.Save(AdversarialFile, images, report);
        if (report.MinimalEpsilon is { } minimal)
            SaveSizes(minimal.Sizes);
        AtomicFile.WriteText(ReportFile, Evaluator.ToJson(report));
        Directory.Delete(Chunks, recursive: true);
        return kept;
    }

    /// <summary>Writes another report of a finished evaluation, to which something was added; the adversarial images are those that there
    /// are.</summary>
    public AdversarialImages Complete(EvaluationReport report)
    {
        // A report that was read does not hold them: they are in their file.
        if (report.MinimalEpsilon is { Sizes.Count: > 0 } minimal)
            SaveSizes(minimal.Sizes);
        AtomicFile.WriteText(ReportFile, Evaluator.ToJson(report));
        Directory.Delete(Chunks, recursive: true);
        return AdversarialImages.Read(AdversarialFile, images);
    }

    /// <summary>Opens a batch's file; null where there is none yet.</summary>
    private SafetensorsFile? Open(string path, int[] places)
    {
        if (!File.Exists(path))
            return null;
        SafetensorsFile file = SafetensorsFile.Open(path);
        // Another order of images cannot be: settings are the same. A file of other images is somebody's mistake.
        if (file.ReadIntegers("attacked").SequenceEqual(places.Select(p => (long)images.Ids[p])))
            return file;
        file.Dispose();
        throw new UserErrorException($"{path}: is about other images than this evaluation's: choose another folder with --out");
    }

    private SafetensorsWriter Writer(int[] places, double seconds)
    {
        SafetensorsWriter writer = new();
        writer.Add("attacked", [places.Length], [.. places.Select(p => (long)images.Ids[p])]);
        writer.Metadata["seconds"] = seconds.ToString("R", CultureInfo.InvariantCulture);
        return writer;
    }

    private static double Seconds(SafetensorsFile file) =>
        double.TryParse(file.Metadata.GetValueOrDefault("seconds"), CultureInfo.InvariantCulture, out double seconds)
            ? seconds
            : throw Damaged(file);

    private static UserErrorException Damaged(SafetensorsFile file) =>
        new($"{file.Path}: is damaged: without it the batch is attacked again");

    private void SaveSizes(IReadOnlyList<float> sizes)
    {
        SafetensorsWriter writer = new();
        writer.Add("sizes", [sizes.Count], [.. sizes]);
        writer.Add("ids", [sizes.Count], [.. images.Ids.ToArray().Select(id => (long)id)]);
        writer.Save(SizesFile);
    }

    private string SizesPathOf(int chunk) =>
        Path.Combine(Chunks, string.Create(CultureInfo.InvariantCulture, $"sizes-{chunk:D6}.safetensors"));

    private string PathOf(int attack, int chunk) =>
        Path.Combine(Chunks, string.Create(CultureInfo.InvariantCulture, $"{attack:D3}-{chunk:D6}.safetensors"));
}
