using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;

namespace Ascl.Robustness.Evaluation;

/// <summary>The outcome of an attack on a batch of images.</summary>
/// <param name="Attacked">Indices in the evaluated set of the images of the batch.</param>
/// <param name="Misclassified">Indices in the evaluated set of the images that are misclassified after the attack.</param>
/// <param name="Images">The adversarial image of each of them; empty if they are not kept.</param>
/// <param name="Rejected">Images that the attack returned outside the ball or [0, 1].</param>
/// <param name="Seconds">Run time.</param>
public sealed record ChunkOutcome(IReadOnlyList<int> Attacked, IReadOnlyList<int> Misclassified, IReadOnlyList<float[]> Images,
    int Rejected, double Seconds);

/// <summary>The smallest adversarial perturbations of a batch of images.</summary>
/// <param name="Indices">Indices in the evaluated set of the images of the batch.</param>
/// <param name="Sizes">Norm of each perturbation; infinite if none was found.</param>
/// <param name="Seconds">Run time.</param>
public sealed record SizesOutcome(IReadOnlyList<int> Indices, IReadOnlyList<float> Sizes, double Seconds);

/// <summary>
/// The folder of an evaluation: evaluation.json (the settings), chunks/ (the outcome of each attack on each batch so far), and at the end
/// adversarial.safetensors, sizes.safetensors if the smallest perturbations were searched for, and report.json, report.md, report.html. A
/// stopped evaluation resumes after the last completed batch.
/// </summary>
public sealed class EvaluationStore
{
    private const string Settings = "evaluation.json";
    private readonly string folder;
    private readonly ImageSet images;
    private readonly Dictionary<long, int> indexOfId = [];

    private EvaluationStore(string folder, ImageSet images)
    {
        (this.folder, this.images) = (folder, images);
        for (int i = 0; i < images.Count; i++)
            indexOfId[images.Ids[i]] = i;
    }

    /// <summary>Path of the adversarial images.</summary>
    public string AdversarialFile => Path.Combine(folder, "adversarial.safetensors");
    /// <summary>Path of the norms of the smallest perturbations.</summary>
    public string SizesFile => Path.Combine(folder, "sizes.safetensors");
    /// <summary>Path of the report in JSON.</summary>
    public string ReportFile => Path.Combine(folder, "report.json");

    /// <summary>Path of the report in HTML.</summary>
    public string PageFile => Path.Combine(folder, "report.html");
    /// <summary>Path of the report in Markdown.</summary>
    public string MarkdownFile => Path.Combine(folder, "report.md");

    private string Chunks => Path.Combine(folder, "chunks");

    /// <summary>Opens a new folder, or that of the same evaluation to resume it.</summary>
    /// <param name="settings">All settings that the result depends on.</param>
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
                            + "perhaps of the same name: choose another folder")
                        : new UserErrorException($"{folder}: holds an evaluation with {key} {found[key]?.ToJsonString() ?? "not given"}, "
                            + $"not {settings[key]?.ToJsonString() ?? "none"}: choose another folder");
        }
        else if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new UserErrorException($"{folder}: is not empty: choose another folder");
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

    /// <summary>Number of completed batches, over all attacks.</summary>
    public int Batches => Directory.EnumerateFiles(Chunks, "*.safetensors").Count();

    /// <summary>The saved outcomes of an attack on batches that contain some of the images, whatever the division into batches and blocks
    /// was then.</summary>
    /// <exception cref="UserErrorException">A file is damaged, or of other images.</exception>
    public IEnumerable<ChunkOutcome> Read(int attack, IReadOnlySet<int> wanted)
    {
        foreach (var (file, attacked) in Open($"{attack:D3}-*.safetensors", wanted))
            using (file)
            {
                long[] misclassified = file.ReadIntegers("turned");
                float[] kept = misclassified.Length == 0 ? [] : file.ReadFloats("images");
                bool isWhole = misclassified.Distinct().Count() == misclassified.Length
                    && misclassified.All(index => attacked.Contains((int)long.Clamp(index, -1, int.MaxValue)))
                    && kept.Length == (long)misclassified.Length * images.ImageLength && kept.All(value => value is >= 0 and <= 1);
                if (!isWhole || !int.TryParse(file.Metadata.GetValueOrDefault("rejected"), NumberStyles.None, CultureInfo.InvariantCulture,
                    out int rejected))
                    throw Damaged(file);
                yield return new(attacked, [.. misclassified.Select(index => (int)index)], [.. kept.Chunk(images.ImageLength)], rejected,
                    Seconds(file));
            }
    }

    /// <summary>Saves the outcome of an attack on a batch, so that a stopped evaluation resumes after it.</summary>
    public void Write(int attack, ChunkOutcome outcome)
    {
        SafetensorsWriter writer = Writer(outcome.Attacked, outcome.Seconds);
        writer.Add("turned", [outcome.Misclassified.Count], [.. outcome.Misclassified.Select(p => (long)p)]);
        if (outcome.Misclassified.Count > 0)
            writer.Add("images", [outcome.Misclassified.Count, images.Channels, images.Height, images.Width],
                [.. outcome.Images.SelectMany(i => i)]);
        writer.Metadata["rejected"] = outcome.Rejected.ToString(CultureInfo.InvariantCulture);
        writer.Save(PathOf($"{attack:D3}", outcome.Attacked));
    }

    /// <summary>The saved smallest perturbations of batches that contain some of the images.</summary>
    /// <exception cref="UserErrorException">A file is damaged, or of other images.</exception>
    public IEnumerable<SizesOutcome> ReadSizes(IReadOnlySet<int> wanted)
    {
        foreach (var (file, attacked) in Open("sizes-*.safetensors", wanted))
            using (file)
                yield return new(attacked, file.ReadFloats("sizes"), Seconds(file));
    }

    /// <summary>Saves the norms of the smallest perturbations found for a batch.</summary>
    public void WriteSizes(SizesOutcome outcome)
    {
        SafetensorsWriter writer = Writer(outcome.Indices, outcome.Seconds);
        writer.Add("sizes", [outcome.Indices.Count], [.. outcome.Sizes]);
        writer.Save(PathOf("sizes", outcome.Indices));
    }

    /// <summary>Writes the report and all adversarial images, and deletes the saved batches.</summary>
    /// <returns>The adversarial images.</returns>
    public AdversarialImages Finish(EvaluationReport report)
    {
        List<(int Index, int Attack, float[] Image)> all = [];
        foreach (string path in Directory.EnumerateFiles(Chunks, "???-*.safetensors"))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            int attack = int.Parse(Path.GetFileName(path)[..3], CultureInfo.InvariantCulture);
            long[] misclassified = [.. file.ReadIntegers("turned")];
            if (misclassified.Length > 0)
                all.AddRange(misclassified.Zip(file.ReadFloats("images").Chunk(images.ImageLength),
                    (index, image) => ((int)index, attack, image)));
        }
        // An order that does not depend on the division into batches.
        all.Sort((a, b) => (a.Attack, a.Index).CompareTo((b.Attack, b.Index)));
        AdversarialImages kept = new([.. all.Select(a => images.Ids[a.Index])], [.. all.Select(a => images.Labels[a.Index])],
            [.. all.Select(a => a.Attack)], [.. all.Select(a => a.Image)]);
        kept.Save(AdversarialFile, images, report);
        Complete(report);
        return kept;
    }

    /// <summary>Rewrites the report of a finished evaluation after results were added; its adversarial images are unchanged.</summary>
    public void Complete(EvaluationReport report)
    {
        // A report read from a file does not hold the sizes: they are in a file of their own.
        if (report.MinimalEpsilon is { Sizes.Count: > 0 } minimal)
            SaveSizes(minimal.Sizes);
        AtomicFile.WriteText(ReportFile, Evaluator.ToJson(report));
        if (Directory.Exists(Chunks))
            Directory.Delete(Chunks, recursive: true);
    }

    /// <summary>The adversarial images of a finished evaluation.</summary>
    public AdversarialImages ReadAdversarial() => AdversarialImages.Read(AdversarialFile, images);

    /// <summary>Opens the batches that contain some of the images.</summary>
    private IEnumerable<(SafetensorsFile File, int[] Attacked)> Open(string pattern, IReadOnlySet<int> wanted)
    {
        foreach (string path in Directory.EnumerateFiles(Chunks, pattern).Order(StringComparer.Ordinal))
        {
            SafetensorsFile file = SafetensorsFile.Open(path);
            int[] attacked = [.. file.ReadIntegers("attacked").Select(id => indexOfId.GetValueOrDefault(id, -1))];
            // With equal settings the images are the same; a file of others was put there by mistake.
            if (attacked.Length == 0 || attacked.Contains(-1))
            {
                file.Dispose();
                throw new UserErrorException($"{path}: belongs to other images than this evaluation's: choose another folder");
            }
            if (attacked.Any(wanted.Contains))
                yield return (file, attacked);
            else
                file.Dispose();
        }
    }

    private SafetensorsWriter Writer(IReadOnlyList<int> indices, double seconds)
    {
        SafetensorsWriter writer = new();
        writer.Add("attacked", [indices.Count], [.. indices.Select(p => (long)images.Ids[p])]);
        writer.Metadata["seconds"] = seconds.ToString("R", CultureInfo.InvariantCulture);
        return writer;
    }

    private static double Seconds(SafetensorsFile file) =>
        double.TryParse(file.Metadata.GetValueOrDefault("seconds"), CultureInfo.InvariantCulture, out double seconds)
            ? seconds
            : throw Damaged(file);

    private static UserErrorException Damaged(SafetensorsFile file) =>
        new($"{file.Path}: is damaged: delete it to attack the batch again");

    private void SaveSizes(IReadOnlyList<float> sizes)
    {
        SafetensorsWriter writer = new();
        writer.Add("sizes", [sizes.Count], [.. sizes]);
        writer.Add("ids", [sizes.Count], [.. images.Ids.ToArray().Select(id => (long)id)]);
        writer.Save(SizesFile);
    }

    /// <summary>A file that no other batch has, whatever process attacks it: an image is in one batch only.</summary>
    private string PathOf(string kind, IReadOnlyList<int> indices) =>
        Path.Combine(Chunks, string.Create(CultureInfo.InvariantCulture, $"{kind}-image-{indices[0]:D6}.safetensors"));
}
