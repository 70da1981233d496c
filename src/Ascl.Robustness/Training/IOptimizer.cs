using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
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

    /// <summary>The object whose declared settings are checked and become part of the training's description: the optimiser itself, unless
    /// it keeps them in a record; null for none.</summary>
    object? Settings => this;

    /// <summary>
    /// One update, by kernels, by <see cref="DeviceBuffer{T}.CopyFrom"/>, or on a CPU in place (<see cref="CpuDevice.Span"/>).
    /// </summary>
    /// <param name="gradients">The gradient of each target; may be overwritten.</param>
    /// <param name="learningRate">Learning rate of this step.</param>
    void Step(ReadOnlySpan<Tensor> gradients, double learningRate);
}

/// <summary>Chooses the parameters of optimisers.</summary>
public static class Optimizers
{
    /// <summary>The parameters of a model that an objective trains.</summary>
    /// <exception cref="UserErrorException">Only the head is trained, and the network's <see cref="Classifier.HeadPrefix"/> is empty or no
    /// parameter's.</exception>
    public static IReadOnlyList<NamedTensor> Targets(Classifier model, TrainedLayers layers = TrainedLayers.All)
    {
        string prefix = layers == TrainedLayers.Head ? model.HeadPrefix : "";
        NamedTensor[] targets = [.. model.Parameters.All.Where(p => p.Trained && p.Name.StartsWith(prefix, StringComparison.Ordinal))];
        if (layers == TrainedLayers.Head && (prefix.Length == 0 || targets.Length == 0))
        {
            throw new UserErrorException($"{model.Spec.Network}: its {nameof(INetwork.HeadPrefix)} '{prefix}' is "
                + (prefix.Length == 0 ? "empty" : "the beginning of no trained tensor's name")
                + ", so there is no head that could be trained by itself");
        }
        return targets;
    }
}
