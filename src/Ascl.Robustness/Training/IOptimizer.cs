using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>Updates parameters from their gradients.</summary>
public interface IOptimizer
{
    /// <summary>The parameters that are updated, in the order in which gradients are given.</summary>
    IReadOnlyList<NamedTensor> Targets { get; }

    /// <summary>The buffers that the optimiser keeps between steps, with unique names; they are saved with the training state.</summary>
    IReadOnlyList<(string Name, Shape Shape, DeviceBuffer<float> Values)> State { get; }

    /// <summary>Its declared settings, which become part of the training's description; null if there are none.</summary>
    object? Settings => null;

    /// <summary>One update.</summary>
    /// <param name="gradients">The gradient of each target; may be overwritten.</param>
    /// <param name="learningRate">Learning rate of this step.</param>
    void Step(ReadOnlySpan<Tensor> gradients, double learningRate);
}

/// <summary>Chooses the parameters of optimisers.</summary>
public static class Optimizers
{
    /// <summary>The parameters of a model that an objective trains.</summary>
    public static IReadOnlyList<NamedTensor> Targets(Classifier model, TrainedLayers layers = TrainedLayers.All)
    {
        string prefix = layers == TrainedLayers.Head ? model.HeadPrefix : "";
        return [.. model.Parameters.All.Where(p => p.Trained && p.Name.StartsWith(prefix, StringComparison.Ordinal))];
    }
}
