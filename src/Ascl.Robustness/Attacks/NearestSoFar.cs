using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>The nearest adversarial image found so far for each image of a batch, at first the image itself, and the size of its
/// perturbation, at first infinite.</summary>
internal sealed class NearestSoFar
{
    private readonly PerturbationNorm norm;
    private readonly int[] labels;
    private readonly int[]? targets;

    /// <summary>Its images belong to the buffer scope in which it is made.</summary>
    public NearestSoFar(Classifier model, ImageBatch batch, PerturbationNorm norm)
    {
        (Model, Batch, this.norm) = (model, batch, norm);
        (labels, targets) = (batch.Labels.ToArray(), batch.Targets?.ToArray());
        Images = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, Images.Data, 0, batch.Images.Shape.Length);
        Sizes = [.. Enumerable.Repeat(float.PositiveInfinity, batch.Count)];
    }

    public Classifier Model { get; }
    public ImageBatch Batch { get; }
    public Tensor Images { get; }
    public float[] Sizes { get; }

    /// <summary>Pixels of an image.</summary>
    public int Image => Batch.Images.Shape.Length / Batch.Count;

    public int[] Indices(Func<float, bool> which) => [.. Sizes.Index().Where(s => which(s.Item)).Select(s => s.Index)];

    /// <summary>Evaluates candidates for some of the images and keeps those that are adversarial and nearer than the best so far.</summary>
    /// <returns>Whether each candidate is adversarial.</returns>
    public bool[] KeepNearer(Tensor x, int[] indices)
    {
        using IDisposable scope = Model.Device.Pool.BeginScope();
        return KeepNearer(x, indices, Model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray());
    }

    /// <summary>The same for candidates whose predictions are known.</summary>
    public bool[] KeepNearer(Tensor x, int[] indices, int[] predictions)
    {
        bool[] areTurned = [.. predictions.Zip(indices, (prediction, index) =>
            targets is null ? prediction != labels[index] : prediction == targets[index])];
        if (areTurned.Contains(true))
            KeepNearer(x, indices, areTurned);
        return areTurned;
    }

    /// <summary>Keeps those of the candidates that count and are nearer than the best so far.</summary>
    /// <returns>The size of each candidate's perturbation.</returns>
    public float[] KeepNearer(Tensor x, int[] indices, bool[] count)
    {
        using IDisposable scope = Model.Device.Pool.BeginScope();
        DeviceBuffer<float> lengths = Model.Device.Allocate<float>(indices.Length);
        BoundaryKernels.Lengths(norm, Image, ImageBatch.SelectImages(Batch.Images, indices).Data, x.Data, lengths);
        float[] sizes = lengths.ToArray();
        foreach (var (i, size) in sizes.Index())
            if (count[i] && size < Sizes[indices[i]])
            {
                Sizes[indices[i]] = size;
                ElementwiseKernels.Copy(x.Data, i * Image, Images.Data, indices[i] * Image, Image);
            }
        return sizes;
    }
}
