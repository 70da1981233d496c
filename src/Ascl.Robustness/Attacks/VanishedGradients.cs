using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Softmax;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Detects images at which cross-entropy has no usable gradient, so that attacks on cross-entropy fail.</summary>
public static class VanishedGradients
{
    /// <summary>A gradient counts as vanished if max |∂CE/∂pixel| is at or below this: softmax has saturated, or the logits do not depend
    /// on the image.</summary>
    private const float Threshold = 1e-10f;

    /// <summary>From this fraction of images on, accuracy under such attacks is unreliable.</summary>
    public const double SuspiciousShare = 0.1;

    /// <summary>Number of images in a batch whose cross-entropy gradient has vanished.</summary>
    public static int CountIn(Classifier model, ImageBatch batch)
    {
        Tensor x = batch.Images.Detach(requiresGrad: true);
        return CountIn(model.Forward(x, ForwardMode.Inference).Logits, x, batch);
    }

    /// <summary>The same, from an existing forward pass.</summary>
    /// <param name="x">The input of that forward pass, which requires gradients.</param>
    public static int CountIn(Tensor logits, Tensor x, ImageBatch batch)
    {
        WorkCount.BackwardImages += batch.Count;
        float[] gradient = Gradient.Of(logits.CrossEntropy(batch.Labels, 0, Reduction.Sum), x)[0].ToArray();
        return gradient.Chunk(gradient.Length / batch.Count).Count(image => image.All(g => Math.Abs(g) <= Threshold));
    }
}
