using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>
/// Adversarial weight perturbation (Wu et al. 2020): the gradient of a step is computed not at the weights w but at w + γ·‖w‖·g/(‖g‖ +
/// 1e-20), per tensor, where g is the gradient of the same loss at w. Only tensors of more than one dimension are perturbed.
/// </summary>
/// <param name="gamma">γ, the size of the perturbation relative to the norm of each tensor.</param>
public sealed class WeightPerturbation(ParameterSet parameters, double gamma)
{
    private const double SmallestNorm = 1e-20;

    private readonly (DeviceBuffer<float> Live, DeviceBuffer<float> Saved)[] weights = Copies(parameters, IsPerturbed);
    private readonly (DeviceBuffer<float> Live, DeviceBuffer<float> Saved)[] statistics = Copies(parameters, tensor => !tensor.Trained);

    /// <summary>The tensors whose gradients <see cref="Perturb"/> takes.</summary>
    public Tensor[] Tensors { get; } = [.. parameters.All.Where(IsPerturbed).Select(tensor => tensor.Tensor)];

    /// <summary>Saves the running statistics, which the pass that computes g must not change.</summary>
    public void SaveStatistics() => CopyAll(statistics, back: false);

    /// <summary>Restores the running statistics and perturbs the weights, after the pass that computes g.</summary>
    public void Perturb(ReadOnlySpan<Tensor> gradients)
    {
        CopyAll(statistics, back: true);
        CopyAll(weights, back: false);
        for (int i = 0; i < weights.Length; i++)
        {
            double norm = Math.Sqrt(ReduceKernels.SquaredNorm(weights[i].Live)),
                slope = Math.Sqrt(ReduceKernels.SquaredNorm(gradients[i].Data));
            float scale = (float)(gamma * norm / (slope + SmallestNorm));
            ElementwiseKernels.AddScaled(weights[i].Live, gradients[i].Data, scale, weights[i].Live);
        }
    }

    /// <summary>Restores the weights exactly.</summary>
    public void Restore() => CopyAll(weights, back: true);

    private static bool IsPerturbed(NamedTensor tensor) => tensor.Trained && tensor.Tensor.Shape.Rank > 1;

    private static (DeviceBuffer<float>, DeviceBuffer<float>)[] Copies(ParameterSet parameters, Func<NamedTensor, bool> of) =>
        [.. parameters.All.Where(of)
            .Select(tensor => (tensor.Tensor.Data, tensor.Tensor.Device.Allocate<float>(tensor.Tensor.Shape.Length)))];

    private static void CopyAll((DeviceBuffer<float> Live, DeviceBuffer<float> Saved)[] buffers, bool back)
    {
        foreach (var (live, saved) in buffers)
        {
            if (back)
                ElementwiseKernels.Copy(saved, 0, live, 0, live.Length);
            else
                ElementwiseKernels.Copy(live, 0, saved, 0, live.Length);
        }
    }
}
