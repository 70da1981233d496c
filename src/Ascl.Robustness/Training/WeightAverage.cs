using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Training;

/// <summary>
/// Exponential moving average of a model during training: average ← d·average + (1 − d)·model with d = min(decay, (1 + t)/(10 + t)) in step
/// t, so that the initial weights are forgotten quickly. BatchNorm's running statistics are averaged too.
/// </summary>
public sealed class WeightAverage
{
    private readonly Classifier source;
    private readonly double decay;

    /// <summary>Initialises the average with the model's weights.</summary>
    public WeightAverage(Classifier source, double decay)
    {
        (this.source, this.decay) = (source, decay);
        Model = source.Structure();
        Mix(1);
    }

    /// <summary>The averaged classifier.</summary>
    public Classifier Model { get; }

    /// <summary>Updates the average after a step.</summary>
    /// <param name="step">Number of steps before this one in the whole run.</param>
    public void Update(long step) => Mix(1 - Math.Min(decay, (1.0 + step) / (10 + step)));

    private void Mix(double share)
    {
        foreach (var (own, from) in Model.Parameters.All.Zip(source.Parameters.All))
            ElementwiseKernels.Interpolate(own.Tensor.Data, from.Tensor.Data, (float)share, own.Tensor.Data);
    }
}
