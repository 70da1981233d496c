using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Softmax;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Images to which attacks by cross-entropy are blind.</summary>
public static class VanishedGradients
{
    /// <summary>A largest |∂CE/∂pixel| of an image at or below this is taken for none: softmax has saturated, or the logits do not depend
    /// on the image.</summary>
    private const float Vanished = 1e-10f;

    /// <summary>Share of images from which the accuracy under such attacks is no measure.</summary>
    public const double Many = 0.1;

    /// <summary>How many images of a batch have no gradient of the cross-entropy.</summary>
    public static int CountIn(Classifier model, ImageBatch batch)
    {
        Tensor x = batch.Images.Detach(requiresGrad: true);
        return CountIn(model.Forward(x, ForwardMode.Inference).Logits, x, batch);
    }

    /// <summary>The same where there was a forward pass already.</summary>
    /// <param name="x">The images that it was of, which gradients are asked for.</param>
    public static int CountIn(Tensor logits, Tensor x, ImageBatch batch)
    {
        WorkCount.BackwardImages += batch.Count;
        float[] gradient = Gradient.Of(logits.CrossEntropy(batch.Labels, 0, Reduction.Sum), x)[0].ToArray();
        return gradient.Chunk(gradient.Length / batch.Count).Count(image => image.All(g => Math.Abs(g) <= Vanished));
    }
}
