using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Optimizer;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>SGD with momentum and weight decay on every trained parameter, as PyTorch's.</summary>
public sealed class SgdOptimizer(ParameterSet parameters, double momentum, double weightDecay)
{
    /// <summary>The parameters that are updated, in the order that gradients are given.</summary>
    public IReadOnlyList<NamedTensor> Targets { get; } = [.. parameters.All.Where(p => p.Trained)];

    /// <summary>Tensors of <see cref="Targets"/>, for <see cref="Gradient.Of(Tensor, ReadOnlySpan{Tensor})"/>.</summary>
    public Tensor[] Tensors { get; } = [.. parameters.Trained];

    /// <summary>The momenta, one a target.</summary>
    public DeviceBuffer<float>[] Momenta { get; } = [.. parameters.Trained.Select(t => t.Device.Allocate<float>(t.Shape.Length))];

    public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
    {
        for (int i = 0; i < Tensors.Length; i++)
            SgdKernels.Step(Tensors[i].Data, Momenta[i], gradients[i].Data, (float)learningRate, (float)momentum, (float)weightDecay);
    }
}
