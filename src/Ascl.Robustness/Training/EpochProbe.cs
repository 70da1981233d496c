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

/// <summary>How the network stands against a weak and a strong attack on a few training images, and what gradient their pixels
/// get.</summary>
/// <param name="FgsmAccuracy">Share right after one step of length ε.</param>
/// <param name="PgdAccuracy">Share right after ten steps of ε/4.</param>
/// <param name="VanishedGradients">Share of images whose cross-entropy has no gradient that float32 attacks can use.</param>
public sealed record TrainingProbe(double FgsmAccuracy, double PgdAccuracy, double VanishedGradients);

/// <summary>
/// The network on the first training images, unaugmented, after an epoch: under a weak and a strong attack, and their latents. Nothing that
/// is trained changes.
/// </summary>
/// <param name="Labels">[N].</param>
/// <param name="Images">[N, C, H, W].</param>
/// <param name="Adversarial">The same after the strong attack.</param>
/// <param name="Latents">[N, D] of the natural images.</param>
/// <param name="AdversarialLatents">Of the adversarial ones.</param>
public sealed record EpochProbe(TrainingProbe Accuracies, int[] Labels, float[] Images, float[] Adversarial, float[] Latents,
    float[] AdversarialLatents)
{
    /// <summary>The most images that are attacked after an epoch, and the iterations of the stronger of the two attacks, PGD.</summary>
    public const int ImageCount = 128, StrongSteps = 10;

    /// <summary>Attacks the images with the classifier as it is now.</summary>
    public static EpochProbe At(Classifier model, ThreatModel threat, ulong seed, ImageSet train)
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

    /// <summary>L2 distances of latents: of natural images of one class, of two classes, and of an image and its adversarial one.</summary>
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
