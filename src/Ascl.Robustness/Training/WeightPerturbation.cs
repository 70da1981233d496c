using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>
/// Adversarial weight perturbation (Wu et al. 2020): a step's gradient is taken not at the weights w but at w + γ·‖w‖·g/(‖g‖ + 1e-20),
/// tensor by tensor, with g the gradient of the same loss at w: where the loss is large nearby. Only tensors of more than one dimension are
/// moved.
/// </summary>
/// <param name="gamma">γ, the length of a tensor's move as a share of its norm.</param>
public sealed class WeightPerturbation(ParameterSet parameters, double gamma)
{
    private const double SmallestNorm = 1e-20;

    private readonly (DeviceBuffer<float> Own, DeviceBuffer<float> Kept)[] weights = Copies(parameters, Moves);
    private readonly (DeviceBuffer<float> Own, DeviceBuffer<float> Kept)[] statistics = Copies(parameters, tensor => !tensor.Trained);

    /// <summary>The tensors to give gradients of to <see cref="Move"/>.</summary>
    public Tensor[] Tensors { get; } = [.. parameters.All.Where(Moves).Select(tensor => tensor.Tensor)];

    /// <summary>Remembers the running statistics: the pass that finds g is not to change them.</summary>
    public void Begin() => CopyAll(statistics, back: false);

    /// <summary>Moves the weights, after the pass that <see cref="Begin"/> began.</summary>
    public void Move(ReadOnlySpan<Tensor> gradients)
    {
        CopyAll(statistics, back: true);
        CopyAll(weights, back: false);
        for (int i = 0; i < weights.Length; i++)
        {
            double norm = Math.Sqrt(ReduceKernels.SquaredNorm(weights[i].Own)),
                slope = Math.Sqrt(ReduceKernels.SquaredNorm(gradients[i].Data));
            ElementwiseKernels.AddScaled(weights[i].Own, gradients[i].Data, (float)(gamma * norm / (slope + SmallestNorm)), weights[i].Own);
        }
    }

    /// <summary>Puts the weights back, bit for bit.</summary>
    public void Restore() => CopyAll(weights, back: true);

    private static bool Moves(NamedTensor tensor) => tensor.Trained && tensor.Tensor.Shape.Rank > 1;

    private static (DeviceBuffer<float>, DeviceBuffer<float>)[] Copies(ParameterSet parameters, Func<NamedTensor, bool> of) =>
        [.. parameters.All.Where(of)
            .Select(tensor => (tensor.Tensor.Data, tensor.Tensor.Device.Allocate<float>(tensor.Tensor.Shape.Length)))];

    private static void CopyAll((DeviceBuffer<float> Own, DeviceBuffer<float> Kept)[] buffers, bool back)
    {
        foreach (var (own, kept) in buffers)
        {
            if (back)
                ElementwiseKernels.Copy(kept, 0, own, 0, own.Length);
            else
                ElementwiseKernels.Copy(own, 0, kept, 0, own.Length);
        }
    }
}
