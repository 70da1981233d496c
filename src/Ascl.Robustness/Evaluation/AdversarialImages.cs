using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>Adversarial images of an evaluation, one for each image that an attack turned, as a file that others can read: images, labels,
/// ids (places in the data's test set), attacks (numbers into the names in the metadata).</summary>
public sealed record AdversarialImages(int[] Ids, int[] Labels, int[] Attacks, float[][] Images)
{
    /// <summary>Writes the images to a safetensors file; norm, ε and the names of the attacks go into its metadata.</summary>
    public void Save(string path, ImageSet set, EvaluationReport report)
    {
        SafetensorsWriter writer = new();
        writer.Add("images", [Ids.Length, set.Channels, set.Height, set.Width], [.. Images.SelectMany(i => i)]);
        writer.Add("labels", [Ids.Length], [.. Labels.Select(v => (long)v)]);
        writer.Add("ids", [Ids.Length], [.. Ids.Select(v => (long)v)]);
        writer.Add("attacks", [Ids.Length], [.. Attacks.Select(v => (long)v)]);
        writer.Metadata["attacks"] = string.Join(",", report.Attacks.Select(a => a.Name));
        writer.Metadata["norm"] = report.Attacks[0].Norm;
        writer.Metadata["epsilon"] = report.Attacks[0].Epsilon.ToString("R", CultureInfo.InvariantCulture);
        writer.Metadata["count"] = report.Count.ToString(CultureInfo.InvariantCulture);
        writer.Save(path);
    }

    /// <summary>What <see cref="Save"/> wrote.</summary>
    /// <exception cref="UserErrorException">The file is damaged or of other images.</exception>
    public static AdversarialImages Read(string path, ImageSet set)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        int[] ids = Numbers(file, "ids"), labels = Numbers(file, "labels"), attacks = Numbers(file, "attacks");
        float[][] images = ids.Length == 0 ? [] : [.. file.ReadFloats("images").Chunk(set.ImageLength)];
        return labels.Length == ids.Length && attacks.Length == ids.Length && images.Length == ids.Length
            && ids.All(id => set.Ids.Contains(id))
            ? new(ids, labels, attacks, images)
            : throw new UserErrorException($"{path}: is not of this evaluation's images");
    }

    /// <summary>What is no int becomes one that no image has.</summary>
    private static int[] Numbers(SafetensorsFile file, string name) =>
        [.. file.ReadIntegers(name).Select(value => (int)long.Clamp(value, -1, int.MaxValue))];

    /// <summary>Checks the images of a file once more, as they are and rounded to 8 bits, as an image file would hold them.</summary>
    /// <param name="data">The originals: the test set that they were made from.</param>
    /// <exception cref="UserErrorException">The file is no such file, or its images are not of this set.</exception>
    public static ReplayReport Replay(string path, Classifier model, ImageSet data, int batchSize)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue("epsilon", out string? written)
            || !double.TryParse(written, CultureInfo.InvariantCulture, out double epsilon)
            || !Enum.TryParse(file.Metadata.GetValueOrDefault("norm"), ignoreCase: true, out PerturbationNorm norm))
            throw new UserErrorException($"{path}: holds no adversarial images of an evaluation: its metadata tells no norm and epsilon");
        int[] ids = Numbers(file, "ids");
        long[] labels = file.ReadIntegers("labels");
        float[][] images = [.. file.ReadFloats("images").Chunk(data.ImageLength)];
        if (labels.Length != ids.Length)
            throw new UserErrorException($"{path}: has {ids.Length} ids but {labels.Length} labels");
        new ThreatModel(norm, epsilon).Checked();
        if (images.Length != ids.Length || (images.Length > 0 && images[^1].Length != data.ImageLength))
            throw new UserErrorException($"{path}: its images are not of the size of {data.Name}");
        Dictionary<int, int> placeOf = data.Ids.ToArray().Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        float[] original = new float[data.ImageLength];
        int within = 0, withinRounded = 0;
        foreach (var (i, id) in ids.Index())
        {
            if (!placeOf.TryGetValue(id, out int place) || data.Labels[place] != labels[i])
                throw new UserErrorException($"{path}: image {i} is of the test image {id} with label {labels[i]}, which {data.Name} does "
                    + "not have");
            data.CopyImage(place, original);
            within += AdversarialCheck.IsWithin(original, images[i], norm, epsilon) ? 1 : 0;
            withinRounded += AdversarialCheck.IsWithin(original, Rounded(images[i]), norm, epsilon) ? 1 : 0;
        }
        return new(ids.Length, within, Wrong(model, data, images, labels, batchSize), withinRounded,
            Wrong(model, data, [.. images.Select(Rounded)], labels, batchSize), NameText.Of(norm), epsilon);
    }

    private static float[] Rounded(float[] image) => [.. image.Select(v => MathF.Round(v * 255) / 255)];

    private static int Wrong(Classifier model, ImageSet data, float[][] images, long[] labels, int batchSize)
    {
        int wrong = 0;
        foreach (var (b, chunk) in images.Chunk(batchSize).Index())
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            Tensor x = Tensor.FromArray(model.Device, new(chunk.Length, data.Channels, data.Height, data.Width),
                [.. chunk.SelectMany(i => i)]);
            int[] predictions = model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray();
            wrong += predictions.Index().Count(p => p.Item != labels[b * batchSize + p.Index]);
        }
        return wrong;
    }
}

/// <summary>What is left of adversarial images read back from a file.</summary>
/// <param name="Within">Those in the ball and in [0, 1].</param>
/// <param name="Adversarial">Those that the classifier gets wrong.</param>
/// <param name="WithinRounded">Those in the ball after rounding to 8 bits.</param>
/// <param name="AdversarialRounded">Those wrong after rounding.</param>
public sealed record ReplayReport(int Count, int Within, int Adversarial, int WithinRounded, int AdversarialRounded, string Norm,
    double Epsilon);
