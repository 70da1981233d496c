using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Random;

namespace Ascl.Models.Weights;

/// <summary>A tensor of a model under its PyTorch name.</summary>
/// <param name="Trained">Whether an optimiser updates it; running statistics are not.</param>
public sealed record NamedTensor(string Name, Tensor Tensor, bool Trained);

/// <summary>
/// A model's tensors, in the order of their making. Layers ask it for theirs, so names, shapes and starting values stand where the layer is
/// defined. Every start is drawn from (seed, number of the tensor); without a seed weights are zero, for a model that is about to be loaded.
/// </summary>
public sealed class ParameterSet(Device device, ulong? seed)
{
    private readonly List<NamedTensor> all = [];

    public Device Device { get; } = device;
    public IReadOnlyList<NamedTensor> All => all;
    public IEnumerable<Tensor> Trained => all.Where(t => t.Trained).Select(t => t.Tensor);

    /// <summary>Normal with standard deviation √(2/fan-in) (He et al. 2015), for weights followed by a ReLU.</summary>
    public Tensor HeNormal(string name, Shape shape)
    {
        float[] values = new float[shape.Length];
        if (Key() is { } key)
            Philox.FillNormal(values, key, MathF.Sqrt(2f * shape[0] / shape.Length));
        return Add(name, shape, values, true);
    }

    /// <summary>Uniform in ±1/√<paramref name="fanIn"/>, PyTorch's default for linear layers and biases.</summary>
    public Tensor Uniform(string name, Shape shape, int fanIn)
    {
        float[] values = new float[shape.Length];
        float bound = 1 / MathF.Sqrt(fanIn);
        if (Key() is { } key)
            Philox.FillUniform(values, key, -bound, bound);
        return Add(name, shape, values, true);
    }

    public Tensor Constant(string name, Shape shape, float value, bool trained)
    {
        float[] values = new float[shape.Length];
        Array.Fill(values, value);
        return Add(name, shape, values, trained);
    }

    private RandomKey? Key() => seed is { } own ? new RandomKey(own, RandomPurpose.WeightInitialization).For(all.Count) : null;

    private Tensor Add(string name, Shape shape, float[] values, bool trained)
    {
        Tensor tensor = Tensor.FromArray(Device, shape, values, requiresGrad: trained);
        all.Add(new(name, tensor, trained));
        return tensor;
    }
}
