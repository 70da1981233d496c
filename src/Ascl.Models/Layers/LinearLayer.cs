using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>A fully connected layer with bias: weight [outputs, inputs] and bias [outputs], both initialised uniformly in ±1/√inputs as by
/// PyTorch.</summary>
/// <param name="parameters">Receives the tensors.</param>
/// <param name="name">Prefix of their names, without a dot at the end.</param>
/// <param name="inputs">Length of an input row.</param>
/// <param name="outputs">Length of an output row.</param>
public sealed class LinearLayer(ParameterSet parameters, string name, int inputs, int outputs)
{
    private readonly Tensor weight = parameters.Uniform($"{name}.weight", new(outputs, inputs), inputs);
    private readonly Tensor bias = parameters.Uniform($"{name}.bias", new(outputs), inputs);

    /// <summary>Length of an input row.</summary>
    public int Inputs { get; } = inputs;

    /// <summary>x·weightᵀ + bias: [N, inputs] to [N, outputs].</summary>
    public Tensor Forward(Tensor x) => x.Linear(weight, bias);
}
