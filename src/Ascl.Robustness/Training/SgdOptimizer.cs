using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Optimizer;
using Ascl.Kernels.Reduce;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>SGD with momentum and weight decay on every trained parameter, as PyTorch's.</summary>
/// <param name="prefix">Only parameters whose names begin so are trained.</param>
/// <param name="clipNorm">Gradients that together are longer than this are shortened to it first; 0 for never.</param>
public sealed class SgdOptimizer(ParameterSet parameters, double momentum, double weightDecay, double clipNorm = 0, string prefix = "")
{
    /// <summary>The parameters that are updated, in the order that gradients are given.</summary>
    public IReadOnlyList<NamedTensor> Targets { get; } = TargetsOf(parameters, prefix);

    /// <summary>Tensors of <see cref="Targets"/>, for <see cref="Gradient.Of(Tensor, ReadOnlySpan{Tensor})"/>.</summary>
    public Tensor[] Tensors { get; } = [.. TargetsOf(parameters, prefix).Select(t => t.Tensor)];

    /// <summary>The momenta, one a target.</summary>
    public DeviceBuffer<float>[] Momenta { get; } = [.. TargetsOf(parameters, prefix).Select(t => t.Tensor.Device.Allocate<float>(t.Tensor.Shape.Length))];

    private static NamedTensor[] TargetsOf(ParameterSet parameters, string prefix) =>
        [.. parameters.All.Where(p => p.Trained && p.Name.StartsWith(prefix, StringComparison.Ordinal))];

    public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
    {
        if (clipNorm > 0)
            Clip(gradients);
        for (int i = 0; i < Tensors.Length; i++)
            SgdKernels.Step(Tensors[i].Data, Momenta[i], gradients[i].Data, (float)learningRate, (float)momentum, (float)weightDecay);
    }

    /// <summary>gradients·min(1, clipNorm/(‖gradients‖ + 1e-6)), the norm over all of them, as PyTorch's clip_grad_norm_.</summary>
    private void Clip(ReadOnlySpan<Tensor> gradients)
    {
        double squares = 0;
        foreach (Tensor gradient in gradients)
            squares += ReduceKernels.SquaredNorm(gradient.Data);
        double scale = clipNorm / (Math.Sqrt(squares) + 1e-6);
        if (scale >= 1)
            return;
        foreach (Tensor gradient in gradients)
            ElementwiseKernels.Scale(gradient.Data, (float)scale, gradient.Data);
    }
}
