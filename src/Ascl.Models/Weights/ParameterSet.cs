using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;

namespace Ascl.Models.Weights;

/// <summary>A tensor of a model under its PyTorch name.</summary>
/// <param name="Name">Name in state dicts, such as layer1.0.conv1.weight.</param>
/// <param name="Tensor">Parameter or running statistic.</param>
/// <param name="Trained">Whether optimisers update it; false for running statistics.</param>
public sealed record NamedTensor(string Name, Tensor Tensor, bool Trained);

/// <summary>
/// A model's tensors in the order of creation. Layers create theirs here, so names, shapes and initial values are defined by the layer.
/// Random initial values depend on (seed, index of the tensor) only.
/// </summary>
/// <param name="device">Device of the tensors.</param>
/// <param name="seed">Seed of the initial weights; null leaves random ones zero, for a model that is loaded afterwards.</param>
public sealed class ParameterSet(Device device, ulong? seed)
{
    /// <summary>Limits far beyond any network in use: a mistyped depth or width is refused before it takes the machine's memory.</summary>
    private const int MaxTensors = 10_000, MaxValues = 1_000_000_000;

    private readonly List<NamedTensor> all = [];
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private long values;

    /// <summary>Device of the tensors.</summary>
    public Device Device { get; } = device;

    /// <summary>All tensors in the order of creation.</summary>
    public IReadOnlyList<NamedTensor> All => all;

    /// <summary>The tensors that optimisers update.</summary>
    public IEnumerable<Tensor> Trained => all.Where(t => t.Trained).Select(t => t.Tensor);

    /// <summary>Adds a trained tensor of normal numbers with standard deviation √(2/fan-in) (He et al. 2015), for weights followed by a
    /// ReLU. The fan-in is the product of all sizes but the first.</summary>
    /// <exception cref="UserErrorException">The network is too large.</exception>
    /// <exception cref="ArgumentException">Another tensor has this name.</exception>
    public Tensor HeNormal(string name, Shape shape)
    {
        float[] start = Take(name, shape);
        if (Key() is { } key)
            Philox.FillNormal(start, key, MathF.Sqrt(2f * shape[0] / shape.Length));
        return Add(name, shape, start, true);
    }

    /// <summary>Adds a trained tensor of uniform numbers in ±1/√<paramref name="fanIn"/>, PyTorch's default for linear layers and
    /// biases.</summary>
    /// <exception cref="UserErrorException">The network is too large.</exception>
    /// <exception cref="ArgumentException">Another tensor has this name.</exception>
    public Tensor Uniform(string name, Shape shape, int fanIn)
    {
        float[] start = Take(name, shape);
        float bound = 1 / MathF.Sqrt(fanIn);
        if (Key() is { } key)
            Philox.FillUniform(start, key, -bound, bound);
        return Add(name, shape, start, true);
    }

    /// <summary>Adds a tensor with all elements equal to <paramref name="value"/>.</summary>
    /// <exception cref="UserErrorException">The network is too large.</exception>
    /// <exception cref="ArgumentException">Another tensor has this name.</exception>
    public Tensor Constant(string name, Shape shape, float value, bool trained)
    {
        float[] start = Take(name, shape);
        Array.Fill(start, value);
        return Add(name, shape, start, trained);
    }

    private RandomKey? Key() => seed is { } own ? new RandomKey(own, RandomPurpose.WeightInitialization).For(all.Count) : null;

    /// <exception cref="UserErrorException">The network is too large.</exception>
    private float[] Take(string name, Shape shape)
    {
        values += shape.Length;
        return all.Count < MaxTensors && values <= MaxValues
            ? new float[shape.Length]
            : throw new UserErrorException(
                $"the network is too large: {name} is beyond {MaxTensors:N0} tensors or {MaxValues:N0} weights: "
                + "is its depth or width mistyped?");
    }

    private Tensor Add(string name, Shape shape, float[] start, bool trained)
    {
        if (!names.Add(name))
            throw new ArgumentException($"two tensors of the network are named {name}: each layer needs a name of its own");
        Tensor tensor = Tensor.FromArray(Device, shape, start, requiresGrad: trained);
        all.Add(new(name, tensor, trained));
        return tensor;
    }
}
