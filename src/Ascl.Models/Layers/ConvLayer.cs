using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>A convolution and what follows it: bias or BatchNorm, a residual, an activation. In <see cref="ForwardMode.Inference"/> all of it is one pass with ReLU.</summary>
public sealed class ConvLayer
{
    private readonly Tensor weight;
    private readonly Tensor? bias;
    private readonly BatchNormLayer? norm;
    private readonly int stride, padding;

    private ConvLayer(Tensor weight, Tensor? bias, BatchNormLayer? norm, int stride, int padding) =>
        (this.weight, this.bias, this.norm, this.stride, this.padding) = (weight, bias, norm, stride, padding);

    /// <summary>Without bias, followed by a BatchNorm of its own.</summary>
    public static ConvLayer WithNorm(ParameterSet parameters, string name, string normName, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(Weight(parameters, name, inputs, outputs, kernel), null, new BatchNormLayer(parameters, normName, outputs), stride, padding);

    /// <summary>Alone.</summary>
    public static ConvLayer Bare(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(Weight(parameters, name, inputs, outputs, kernel), null, null, stride, padding);

    /// <summary>With a bias.</summary>
    public static ConvLayer WithBias(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(Weight(parameters, name, inputs, outputs, kernel), parameters.Constant($"{name}.bias", new(outputs), 0, trained: true), null, stride, padding);

    /// <summary>activation(norm(x ∗ weight + bias) + residual); null for no activation.</summary>
    public Tensor Forward(Tensor x, ForwardMode mode, Tensor? residual = null, Activation? activation = null) =>
        activation.ActivateFused(relu => Convolve(x, mode, residual, relu));

    private Tensor Convolve(Tensor x, ForwardMode mode, Tensor? residual, bool relu)
    {
        if (mode == ForwardMode.Inference)
        {
            FoldedWeights folded = FoldedWeights.Of(weight, bias, norm?.State);
            return x.Conv2d(folded.Weight, folded.Bias, stride, padding, residual, relu);
        }
        return norm is null
            ? x.Conv2d(weight, bias, stride, padding, residual, relu)
            : norm.Normalize(x.Conv2d(weight, bias, stride, padding, normalized: mode == ForwardMode.Train), mode, residual, relu);
    }

    private static Tensor Weight(ParameterSet parameters, string name, int inputs, int outputs, int kernel) =>
        parameters.HeNormal($"{name}.weight", new(outputs, inputs, kernel, kernel));
}
