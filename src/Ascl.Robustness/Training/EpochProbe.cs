using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training;

/// <summary>Robustness on a few training images under a weak and a strong attack, and the fraction of vanished gradients.</summary>
/// <param name="FgsmAccuracy">Accuracy under FGSM.</param>
/// <param name="PgdAccuracy">Accuracy under PGD with <see cref="EpochProbe.StrongSteps"/> steps of the default size.</param>
/// <param name="VanishedGradients">Fraction of images whose cross-entropy gradient has vanished
/// (<see cref="Attacks.VanishedGradients"/>).</param>
public sealed record TrainingProbe(double FgsmAccuracy, double PgdAccuracy, double VanishedGradients);

/// <summary>
/// The network evaluated after an epoch on the first training images, unaugmented: accuracy under a weak and a strong attack, and latents.
/// Does not change the network.
/// </summary>
/// <param name="Accuracies">Accuracies and the fraction of vanished gradients.</param>
/// <param name="Labels">[N].</param>
/// <param name="Images">[N, C, H, W].</param>
/// <param name="Adversarial">[N, C, H, W] after the strong attack.</param>
/// <param name="Latents">[N, D] of the natural images.</param>
/// <param name="AdversarialLatents">[N, D] of the adversarial images.</param>
public sealed record EpochProbe(TrainingProbe Accuracies, int[] Labels, float[] Images, float[] Adversarial, float[] Latents,
    float[] AdversarialLatents)
{
    /// <summary>The maximum number of images attacked, and the iterations of the stronger attack, PGD.</summary>
    public const int ImageCount = 128, StrongSteps = 10;

    /// <summary>Attacks the first <see cref="ImageCount"/> images of <paramref name="train"/>.</summary>
    public static EpochProbe Measure(Classifier model, ThreatModel threat, ulong seed, ImageSet train)
    {
        ImageSet few = train.Take(ImageCount);
        Batch host = Batch.Of(few);
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = ImageBatch.Upload(model.Device, few, host);
        RandomKey key = new(seed, RandomPurpose.AttackStart);
        Tensor weak = PgdAttack.Fgsm(threat.Epsilon, threat.Norm).Perturb(model, batch, key);
        Tensor strong = PgdAttack.Standard(threat, StrongSteps).Perturb(model, batch, key);

        Tensor x = batch.Images.Detach(requiresGrad: true);
        ModelOutput natural = model.Forward(x, ForwardMode.Inference), adversarial = model.Forward(strong, ForwardMode.Inference);
        TrainingProbe probe = new(Accuracy(model.Forward(weak, ForwardMode.Inference), batch), Accuracy(adversarial, batch),
            (double)VanishedGradients.CountIn(natural.Logits, x, batch) / batch.Count);
        return new(probe, host.Labels.ToArray(), batch.Images.ToArray(), strong.ToArray(), natural.Latent.ToArray(),
            adversarial.Latent.ToArray());
    }

    /// <summary>L2 distances between latents: of natural images of the same class, of different classes, and of each image and its
    /// adversarial image.</summary>
    public (double[] SameClass, double[] OtherClass, double[] Adversarial) LatentDistances()
    {
        int size = Latents.Length / Labels.Length;
        List<double> same = [], other = [];
        for (int i = 0; i < Labels.Length; i++)
            for (int j = 0; j < i; j++)
                (Labels[i] == Labels[j] ? same : other).Add(Distance(Latents, i, Latents, j));
        return ([.. same], [.. other], [.. Labels.Select((_, i) => Distance(Latents, i, AdversarialLatents, i))]);

        double Distance(float[] a, int i, float[] b, int j)
        {
            double squares = 0;
            for (int k = 0; k < size; k++)
                squares += Math.Pow((double)a[i * size + k] - b[j * size + k], 2);
            return Math.Sqrt(squares);
        }
    }

    private static double Accuracy(ModelOutput output, ImageBatch batch) => (double)output.Logits.CountCorrect(batch.Labels) / batch.Count;
}
