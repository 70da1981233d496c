using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>BatchNorm2d with PyTorch's tensors: weight, bias, running_mean, running_var, each [channels].</summary>
/// <param name="parameters">Receives the tensors.</param>
/// <param name="name">Prefix of their names, without a dot at the end.</param>
/// <param name="channels">Channels of the input.</param>
public sealed class BatchNormLayer(ParameterSet parameters, string name, int channels)
{
    /// <summary>Scale, shift, and running statistics.</summary>
    public BatchNormState State { get; } = new(
        parameters.Constant($"{name}.weight", new(channels), 1, trained: true),
        parameters.Constant($"{name}.bias", new(channels), 0, trained: true),
        parameters.Constant($"{name}.running_mean", new(channels), 0, trained: false),
        parameters.Constant($"{name}.running_var", new(channels), 1, trained: false));

    /// <summary>activation(norm(x)).</summary>
    public Tensor Forward(Tensor x, ForwardMode mode, Activation activation) =>
        ((Activation?)activation).ActivateFused(relu => Normalize(x, mode, null, relu));

    /// <summary>norm(x) + residual, with a ReLU if <paramref name="relu"/>, as one op.</summary>
    /// <param name="x">[N, channels, H, W].</param>
    /// <param name="mode">Whether the batch's or the running statistics are used.</param>
    /// <param name="residual">Added after normalisation, of the shape of <paramref name="x"/>; null for none.</param>
    /// <param name="relu">Whether to apply ReLU to the sum.</param>
    public Tensor Normalize(Tensor x, ForwardMode mode, Tensor? residual, bool relu) =>
        x.BatchNorm(State, mode == ForwardMode.Train ? BatchNormMode.Train : BatchNormMode.Evaluate, residual, relu);
}
