using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>BatchNorm under PyTorch's names: weight, bias, running_mean, running_var.</summary>
public sealed class BatchNormLayer(ParameterSet parameters, string name, int channels)
{
    public BatchNormState State { get; } = new(
        parameters.Constant($"{name}.weight", new(channels), 1, trained: true),
        parameters.Constant($"{name}.bias", new(channels), 0, trained: true),
        parameters.Constant($"{name}.running_mean", new(channels), 0, trained: false),
        parameters.Constant($"{name}.running_var", new(channels), 1, trained: false));

    /// <summary>activation(norm(x)).</summary>
    public Tensor Forward(Tensor x, ForwardMode mode, Activation activation) => ((Activation?)activation).ActivateFused(relu => Normalize(x, mode, null, relu));

    /// <summary>relu?(norm(x) + residual) in one pass.</summary>
    public Tensor Normalize(Tensor x, ForwardMode mode, Tensor? residual, bool relu) =>
        x.BatchNorm(State, mode == ForwardMode.Train ? BatchNormMode.Train : BatchNormMode.Evaluate, residual, relu);
}
