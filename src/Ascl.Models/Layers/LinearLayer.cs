using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>A fully connected layer with bias.</summary>
public sealed class LinearLayer(ParameterSet parameters, string name, int inputs, int outputs)
{
    private readonly Tensor weight = parameters.Uniform($"{name}.weight", new(outputs, inputs), inputs);
    private readonly Tensor bias = parameters.Uniform($"{name}.bias", new(outputs), inputs);

    public int Inputs { get; } = inputs;

    public Tensor Forward(Tensor x) => x.Linear(weight, bias);
}
