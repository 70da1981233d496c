using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Margin;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>The decision boundaries between the labels of images and other classes, linearised at points: o_c − o_y and its gradient. One
/// forward pass, and a backward pass for each class asked for.</summary>
/// <param name="batch">The images; only their labels and number matter.</param>
/// <param name="x">The points, [N, C, H, W].</param>
internal sealed class LinearBoundaries(Classifier model, ImageBatch batch, Tensor x)
{
    private readonly Tensor point = x.Detach(requiresGrad: true);

    /// <summary>The logits at the points.</summary>
    public Tensor Logits => field ??= model.Forward(point, ForwardMode.Inference).Logits;

    /// <summary>The boundary with one class of each image.</summary>
    public (Tensor Margins, Tensor Gradients) Towards(int[] classes)
    {
        Tensor differences = Logits.Margin(MarginLoss.Difference, batch.Labels, model.Device.Upload<int>(classes));
        WorkCount.BackwardImages += batch.Count;
        return (differences, Gradient.Of(differences.Sum(), point)[0]);
    }

    /// <summary>The nearest of several boundaries.</summary>
    /// <param name="count">How many there are for each image.</param>
    /// <param name="classesAt">The class of each image whose boundary comes at a place, from 0.</param>
    public (Tensor Margins, Tensor Gradients) Nearest(PerturbationNorm norm, int count, Func<int, int[]> classesAt)
    {
        int image = point.Shape.Length / batch.Count;
        Tensor margins = Tensor.Empty(model.Device, new(batch.Count)), gradients = Tensor.EmptyLike(point), logits = Logits;
        DeviceBuffer<float> distances = model.Device.Upload<float>([.. Enumerable.Repeat(float.NaN, logits.Shape[0])]);
        for (int place = 0; place < count; place++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            var (values, itsGradients) = Towards(classesAt(place));
            BoundaryKernels.KeepNearest(norm, image, values.Data, itsGradients.Data, distances, margins.Data, gradients.Data);
        }
        return (margins, gradients);
    }
}
