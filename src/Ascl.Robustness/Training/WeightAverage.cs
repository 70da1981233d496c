using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Training;

/// <summary>
/// An exponential moving average of a model while it is trained: average ← d·average + (1 − d)·model with d = min(decay, (1 + t)/(10 + t))
/// in step t, so that the first weights are soon forgotten. BatchNorm's running statistics are averaged in the same way: the average has
/// its own.
/// </summary>
public sealed class WeightAverage
{
    private readonly Classifier source;
    private readonly double decay;

    /// <summary>Begins at the model's weights.</summary>
    public WeightAverage(Classifier source, double decay)
    {
        (this.source, this.decay) = (source, decay);
        Model = source.Structure();
        Mix(1);
    }

    /// <summary>The averaged classifier.</summary>
    public Classifier Model { get; }

    /// <param name="step">Steps before this one in the whole run.</param>
    public void Update(long step) => Mix(1 - Math.Min(decay, (1.0 + step) / (10 + step)));

    private void Mix(double share)
    {
        foreach (var (own, from) in Model.Parameters.All.Zip(source.Parameters.All))
            ElementwiseKernels.Interpolate(own.Tensor.Data, from.Tensor.Data, (float)share, own.Tensor.Data);
    }
}
