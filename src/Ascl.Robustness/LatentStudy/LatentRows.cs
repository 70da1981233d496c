using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.LatentStudy;

/// <summary>The activations of one stage of a network, one row per image.</summary>
/// <param name="Stage">Name of the module, or "latent", "projection" or "logits".</param>
/// <param name="Size">Length of a row: the number of channels, which are averaged over the pixels, or the length of the vector.</param>
/// <param name="Natural">[N, Size].</param>
/// <param name="Adversarial">[N, Size]; of the adversarial image of each natural one.</param>
public sealed record StageRows(string Stage, int Size, float[] Natural, float[] Adversarial);

/// <summary>The activations and predictions of a network for images and their adversarial images.</summary>
/// <param name="Labels">[N].</param>
/// <param name="Predictions">[N]; for the natural images.</param>
/// <param name="AdversarialPredictions">[N]; for the adversarial images.</param>
/// <param name="Stages">The activations of each stage, in the order of the network.</param>
public sealed record LatentRows(int[] Labels, int[] Predictions, int[] AdversarialPredictions, IReadOnlyList<StageRows> Stages)
{
    /// <summary>The rows of the stage before the last linear layer.</summary>
    public StageRows Latent => Stages.First(rows => rows.Stage == "latent");

    /// <summary>Share of the images that are classified correctly.</summary>
    public double CleanAccuracy => Labels.Zip(Predictions).Average(image => image.First == image.Second ? 1.0 : 0);

    /// <summary>Share of the images that are classified correctly, and whose adversarial image is too.</summary>
    public double RobustAccuracy => Labels.Zip(Predictions, AdversarialPredictions)
        .Average(image => image.First == image.Second && image.First == image.Third ? 1.0 : 0);

    /// <summary>Attacks the images and collects the activations of natural and adversarial images at each stage, in inference mode; feature
    /// maps are averaged over the pixels.</summary>
    public static LatentRows Of(Classifier model, ImageSet images, IAttack attack, int batchSize, ulong seed, CancellationToken stop,
        Action<int, int>? progress = null)
    {
        DeviceBatches batches = new(model.Device, images, batchSize, stop: stop);
        List<string> order = [];
        Dictionary<string, (List<float> Natural, List<float> Adversarial, int Size)> rows = [];
        List<int> predictions = [], adversarialPredictions = [];
        foreach (var (b, (_, batch)) in batches.Index())
        {
            Collect(batch.Images, predictions, isNatural: true);
            Collect(attack.Perturb(model, batch, new RandomKey(seed, RandomPurpose.AttackStart)), adversarialPredictions, isNatural: false);
            progress?.Invoke(b + 1, batches.Count);
        }
        return new(images.Labels.ToArray(), [.. predictions], [.. adversarialPredictions],
            [.. order.Select(stage => new StageRows(stage, rows[stage].Size, [.. rows[stage].Natural], [.. rows[stage].Adversarial]))]);

        void Collect(Tensor x, List<int> predicted, bool isNatural)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            ModelOutput output = model.Forward(x, ForwardMode.Inference, (stage, y) => Add(stage, y.GlobalAveragePool(), isNatural));
            Add("latent", output.Latent, isNatural);
            if (model.Spec.ProjectionSize > 0)
                Add("projection", model.Project(output.Latent), isNatural);
            Add("logits", output.Logits, isNatural);
            predicted.AddRange(output.Logits.Predict().ToArray());
        }

        void Add(string stage, Tensor y, bool isNatural)
        {
            if (!rows.TryGetValue(stage, out var found))
            {
                order.Add(stage);
                rows[stage] = found = ([], [], y.Shape[1]);
            }
            (isNatural ? found.Natural : found.Adversarial).AddRange(y.ToArray());
        }
    }
}
