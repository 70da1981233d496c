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

/// <summary>The adversarial images of an evaluation, one for each image that became misclassified under an attack. As a safetensors file:
/// images, labels, ids (indices in the test set), attacks (indices into the attack names in the metadata).</summary>
/// <param name="Ids">[n]; id of the original image in its set.</param>
/// <param name="Labels">[n].</param>
/// <param name="Attacks">[n]; index of the attack that made the image misclassified.</param>
/// <param name="Images">[n][C·H·W], in [0, 1].</param>
public sealed record AdversarialImages(int[] Ids, int[] Labels, int[] Attacks, float[][] Images)
{
    /// <summary>Writes the images to a safetensors file. Its metadata hold the attack names, the norm and ε of the first attack, and the
    /// number of evaluated images.</summary>
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

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="UserErrorException">The file is damaged or belongs to other images.</exception>
    public static AdversarialImages Read(string path, ImageSet set)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        int[] ids = ReadInts(file, "ids"), labels = ReadInts(file, "labels"), attacks = ReadInts(file, "attacks");
        float[][] images = ids.Length == 0 ? [] : [.. file.ReadFloats("images").Chunk(set.ImageLength)];
        return labels.Length == ids.Length && attacks.Length == ids.Length && images.Length == ids.Length
            && ids.All(id => set.Ids.Contains(id))
            ? new(ids, labels, attacks, images)
            : throw new UserErrorException($"{path}: does not belong to this evaluation's images");
    }

    /// <summary>Values outside the range of int are clamped to ids and labels that no image has.</summary>
    private static int[] ReadInts(SafetensorsFile file, string name) =>
        [.. file.ReadIntegers(name).Select(value => (int)long.Clamp(value, -1, int.MaxValue))];

    /// <summary>Re-evaluates the images of a file, both as stored and rounded to 8 bits as in an image file.</summary>
    /// <param name="data">The original images: the test set they were crafted from.</param>
    /// <exception cref="UserErrorException">The file holds no adversarial images, or they are not of this set.</exception>
    public static ReplayReport Replay(string path, Classifier model, ImageSet data, int batchSize)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue("epsilon", out string? written)
            || !double.TryParse(written, CultureInfo.InvariantCulture, out double epsilon)
            || !Enum.TryParse(file.Metadata.GetValueOrDefault("norm"), ignoreCase: true, out PerturbationNorm norm))
            throw new UserErrorException($"{path}: holds no adversarial images of an evaluation: norm and epsilon are missing from its "
                + "metadata");
        int[] ids = ReadInts(file, "ids");
        long[] labels = file.ReadIntegers("labels");
        float[][] images = [.. file.ReadFloats("images").Chunk(data.ImageLength)];
        if (labels.Length != ids.Length)
            throw new UserErrorException($"{path}: has {ids.Length} ids but {labels.Length} labels");
        new ThreatModel(norm, epsilon).Checked();
        if (images.Length != ids.Length || (images.Length > 0 && images[^1].Length != data.ImageLength))
            throw new UserErrorException($"{path}: its images are not of the size of {data.Name}");
        Dictionary<int, int> indexOf = data.Ids.ToArray().Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        float[] original = new float[data.ImageLength];
        int within = 0, withinRounded = 0;
        foreach (var (i, id) in ids.Index())
        {
            if (!indexOf.TryGetValue(id, out int index) || data.Labels[index] != labels[i])
                throw new UserErrorException($"{path}: image {i} is of the test image {id} with label {labels[i]}, which {data.Name} does "
                    + "not have");
            data.CopyImage(index, original);
            within += AdversarialCheck.IsWithin(original, images[i], norm, epsilon) ? 1 : 0;
            withinRounded += AdversarialCheck.IsWithin(original, RoundedTo8Bits(images[i]), norm, epsilon) ? 1 : 0;
        }
        return new(ids.Length, within, CountMisclassified(model, data, images, labels, batchSize), withinRounded,
            CountMisclassified(model, data, [.. images.Select(RoundedTo8Bits)], labels, batchSize), NameText.Of(norm), epsilon);
    }

    private static float[] RoundedTo8Bits(float[] image) => [.. image.Select(v => MathF.Round(v * 255) / 255)];

    private static int CountMisclassified(Classifier model, ImageSet data, float[][] images, long[] labels, int batchSize)
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

/// <summary>The result of re-evaluating adversarial images from a file.</summary>
/// <param name="Count">Images in the file.</param>
/// <param name="Within">Images within the ball and [0, 1].</param>
/// <param name="Adversarial">Images that are misclassified.</param>
/// <param name="WithinRounded">Images within the ball after rounding to 8 bits.</param>
/// <param name="AdversarialRounded">Images misclassified after rounding.</param>
/// <param name="Norm">Norm of the ball: linf or l2.</param>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
public sealed record ReplayReport(int Count, int Within, int Adversarial, int WithinRounded, int AdversarialRounded, string Norm,
    double Epsilon);
