using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Reporting;

/// <summary>An image before and after an attack, with the predictions.</summary>
/// <param name="Label">Class of the image.</param>
/// <param name="Prediction">Predicted class before the attack.</param>
/// <param name="AdversarialPrediction">Predicted class after it.</param>
/// <param name="Image">[C·H·W], in [0, 1].</param>
/// <param name="Adversarial">[C·H·W], in [0, 1].</param>
public sealed record AdversarialExample(int Label, int Prediction, int AdversarialPrediction, float[] Image, float[] Adversarial);

/// <summary>The predictions of a classifier for images and for adversarial images crafted from all of them, including misclassified
/// ones.</summary>
/// <param name="Labels">Label of every image, in the order of the set.</param>
/// <param name="Predictions">Predicted class of every image.</param>
/// <param name="AdversarialPredictions">Predicted class of every adversarial image.</param>
/// <param name="Examples">The first images of the set.</param>
public sealed record AttackPredictions(int[] Labels, int[] Predictions, int[] AdversarialPredictions,
    IReadOnlyList<AdversarialExample> Examples)
{
    /// <summary>Attacks a set of images and records the predictions before and after.</summary>
    public static AttackPredictions Collect(Classifier model, ImageSet images, IAttack attack, int batchSize, ulong seed, int examples,
        CancellationToken stop)
    {
        List<int> labels = [], predictions = [], adversarialPredictions = [];
        List<AdversarialExample> collected = [];
        foreach (var (host, batch) in new DeviceBatches(model.Device, images, batchSize, stop: stop))
        {
            Tensor adversarial = attack.Perturb(model, batch, new RandomKey(seed, RandomPurpose.AttackStart));
            int[] before = Predict(model, batch.Images), after = Predict(model, adversarial);
            labels.AddRange(host.Labels);
            predictions.AddRange(before);
            adversarialPredictions.AddRange(after);
            int missing = Math.Min(examples - collected.Count, host.Count);
            if (missing > 0)
            {
                float[] natural = batch.Images.ToArray(), moved = adversarial.ToArray();
                for (int i = 0; i < missing; i++)
                {
                    Range pixels = (i * images.ImageLength)..((i + 1) * images.ImageLength);
                    collected.Add(new(host.Labels[i], before[i], after[i], natural[pixels], moved[pixels]));
                }
            }
        }
        return new([.. labels], [.. predictions], [.. adversarialPredictions], collected);
    }

    /// <summary>counts[label, prediction].</summary>
    public static int[,] Confusion(int[] labels, int[] predictions, int classes)
    {
        int[,] counts = new int[classes, classes];
        foreach (var (label, prediction) in labels.Zip(predictions))
            counts[label, prediction]++;
        return counts;
    }

    private static int[] Predict(Classifier model, Tensor images)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        return model.Forward(images, ForwardMode.Inference).Logits.Predict().ToArray();
    }
}
