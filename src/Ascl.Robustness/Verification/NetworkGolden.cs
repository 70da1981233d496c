using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Verification;

/// <summary>
/// Golden files of whole networks: weights, images, labels; eval.* (running statistics), pgd.* (10 steps in evaluation mode), train.* (one
/// pass with batch statistics: logits, loss, gradients, updated running statistics).
/// </summary>
internal static class NetworkGolden
{
    private const double LogitsAllowed = 1e-4, GradientAllowed = 1e-3, PixelsAllowed = 0.01, AttackLossAllowed = 0.01, SamePixel = 1e-5;

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        Classifier Load()
        {
            Classifier loaded = MakeClassifier(device, file, "weights.");
            WeightFile.Load(loaded.Parameters, file, "weights.");
            return loaded;
        }

        Classifier model = Load();
        Tensor images = Tensor.FromArray(device, new(file.Shape("images")), file.ReadFloats("images"), requiresGrad: true);
        DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, "labels");

        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Evaluate })
        {
            ModelOutput output = model.Forward(images, mode);
            comparison.Tensor("eval.logits", output.Logits.ToArray(), LogitsAllowed);
            comparison.Tensor("eval.latent", output.Latent.ToArray(), LogitsAllowed);
            Tensor loss = output.Logits.CrossEntropy(labels, 0, Reduction.Sum);
            comparison.Tensor("eval.input_grad_of_summed_cross_entropy", Gradient.Of(loss, images)[0].ToArray(), GradientAllowed);
        }
        foreach (AttackLoss loss in (AttackLoss[])[AttackLoss.CrossEntropy, AttackLoss.KullbackLeibler])
            VerifyAttack(model, file, comparison, images, labels, loss);

        VerifyTraining(Load, file, comparison, images, labels);
    }

    /// <summary>One pass with batch statistics, on the rounding branch whose gradients are nearest to the golden ones.</summary>
    private static void VerifyTraining(Func<Classifier> load, SafetensorsFile file, Comparison comparison, Tensor images,
        DeviceBuffer<int> labels)
    {
        Comparison nearest = RoundingBranches.Nearest(file, RoundingBranches.Count, (branch, checks) =>
        {
            Classifier model = load();
            Tensor x = Tensor.FromArray(images.Device, images.Shape, RoundingBranches.Input(images.ToArray(), branch), requiresGrad: true);
            ModelOutput train = model.Forward(x, ForwardMode.Train);
            checks.Tensor("train.logits", train.Logits.ToArray(), LogitsAllowed);
            Tensor crossEntropy = train.Logits.CrossEntropy(labels);
            checks.Value("train.cross_entropy", crossEntropy.Item, LogitsAllowed);
            NamedTensor[] targets = [.. model.Parameters.All.Where(p => p.Trained)];
            Tensor[] gradients = Gradient.Of(crossEntropy, [x, .. targets.Select(t => t.Tensor)]);
            checks.Tensor("train.input_grad", gradients[0].ToArray(), GradientAllowed);
            for (int i = 0; i < targets.Length; i++)
                checks.Tensor($"train.grad.{targets[i].Name}", gradients[i + 1].ToArray(), GradientAllowed);
            foreach (NamedTensor statistic in model.Parameters.All.Where(p => !p.Trained))
                checks.Tensor($"train.after.{statistic.Name}", statistic.Tensor.ToArray(), LogitsAllowed);
        });
        comparison.Checks.AddRange(nearest.Checks);
    }

    /// <summary>The network named in the file's metadata, without weights.</summary>
    public static Classifier MakeClassifier(Device device, SafetensorsFile file, string prefix, int projection = 0)
    {
        IEnumerable<string> names = file.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]);
        WeightShapes shapes = WeightShapes.Of(file, prefix);
        string network = NetworkCatalog.VariantOf(Text(file, "architecture"), names);
        return new Classifier(device,
            new(network, shapes.Channels, shapes.Classes, [], [], projection, NetworkCatalog.ActivationOf(network)), seed: null);
    }

    /// <summary>A metadata entry.</summary>
    /// <exception cref="UserErrorException">It is missing or malformed.</exception>
    public static string Text(SafetensorsFile file, string key) =>
        file.Metadata.TryGetValue(key, out string? text)
            ? text
            : throw new UserErrorException($"{file.Path}: the metadata hold no '{key}'");

    /// <summary>The number at the start of a metadata entry.</summary>
    /// <exception cref="UserErrorException">It is missing or malformed.</exception>
    public static double Metadata(SafetensorsFile file, string key)
    {
        string text = Text(file, key);
        return double.TryParse(text.Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new UserErrorException($"{file.Path}: the metadata's '{key}' is '{text}', not a number");
    }

    private static void VerifyAttack(Classifier model, SafetensorsFile file, Comparison comparison, Tensor images, DeviceBuffer<int> labels,
        AttackLoss loss)
    {
        string name = loss == AttackLoss.CrossEntropy ? "pgd.ce" : "pgd.kl";
        if (!file.Contains($"{name}.adversarial"))
            return;
        PgdAttack attack = new(new(Metadata(file, "epsilon"), Metadata(file, "step"), (int)Metadata(file, "steps"), Loss: loss));
        ImageBatch batch = new(images.Detach(), labels, labels);
        float[] expected = file.ReadFloats($"{name}.adversarial"), start = StartedAt(images, file.ReadFloats("pgd.start_delta")).ToArray();
        double[] expectedLoss = file.ReadDoubles($"{name}.cross_entropy_each");
        int image = expected.Length / batch.Count;
        // For each image the rounding branch nearest to the golden one: fraction of differing pixels, and relative error of the loss.
        (double Pixels, double Loss)[] nearest = [.. Enumerable.Repeat((double.PositiveInfinity, double.PositiveInfinity), batch.Count)];
        for (int branch = 0; branch < RoundingBranches.Count && nearest.Any(n => n.Pixels > PixelsAllowed); branch++)
        {
            // Rounding affects a few images; if most still differ, the attack is a different one.
            if (branch == RoundingBranches.First && nearest.Count(n => n.Pixels > PixelsAllowed) > batch.Count / 2)
                break;
            Tensor adversarial = Tensor.FromArray(images.Device, images.Shape, RoundingBranches.Input(start, branch));
            attack.Ascend(model, batch, adversarial);
            float[] ours = adversarial.ToArray(),
                each = model.Forward(adversarial, ForwardMode.Inference).Logits.CrossEntropy(labels, 0, Reduction.None).ToArray();
            for (int n = 0; n < batch.Count; n++)
            {
                int different = Enumerable.Range(n * image, image).Count(i => !(Math.Abs(ours[i] - expected[i]) <= SamePixel));
                double share = (double)different / image;
                if (share < nearest[n].Pixels)
                    nearest[n] = (share, Math.Abs(each[n] - expectedLoss[n]) / Math.Max(expectedLoss[n], 1e-3));
            }
        }
        comparison.Add($"{name}.adversarial", nearest.Select(n => n.Pixels).Aggregate(Math.Max), PixelsAllowed,
            "of an image's pixels differ");
        comparison.Add($"{name}.cross_entropy_each", nearest.Select(n => n.Loss).Aggregate(Math.Max), AttackLossAllowed, "of the value");
    }

    /// <summary>clip₀₁(images + delta).</summary>
    public static Tensor StartedAt(Tensor images, float[] delta)
    {
        float[] start = images.ToArray();
        for (int i = 0; i < start.Length; i++)
            start[i] = Math.Clamp(start[i] + delta[i], 0, 1);
        return Tensor.FromArray(images.Device, images.Shape, start);
    }
}
