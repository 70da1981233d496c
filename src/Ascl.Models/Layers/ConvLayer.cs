using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>A square convolution followed by a bias or BatchNorm, a residual and an activation, all optional. In
/// <see cref="ForwardMode.Inference"/> with ReLU all of it is one op. Weights are He-normal, [outputs, inputs, kernel, kernel].</summary>
public sealed class ConvLayer
{
    private readonly Tensor weight;
    private readonly Tensor? bias;
    private readonly BatchNormLayer? norm;
    private readonly int stride, padding;

    private ConvLayer(Tensor weight, Tensor? bias, BatchNormLayer? norm, int stride, int padding) =>
        (this.weight, this.bias, this.norm, this.stride, this.padding) = (weight, bias, norm, stride, padding);

    /// <summary>A convolution without bias, followed by BatchNorm.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="name">Prefix of the convolution's tensor names.</param>
    /// <param name="normName">Prefix of BatchNorm's tensor names.</param>
    /// <param name="inputs">Input channels.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="kernel">Side of the kernel.</param>
    /// <param name="stride">Stride in both directions.</param>
    /// <param name="padding">Zero padding on each side.</param>
    public static ConvLayer WithNorm(
        ParameterSet parameters, string name, string normName, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(Weight(parameters, name, inputs, outputs, kernel), null, new BatchNormLayer(parameters, normName, outputs), stride, padding);

    /// <summary>A convolution without bias and without BatchNorm; parameters as for <see cref="WithNorm"/>.</summary>
    public static ConvLayer Bare(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(Weight(parameters, name, inputs, outputs, kernel), null, null, stride, padding);

    /// <summary>A convolution with a bias that starts at zero; parameters as for <see cref="WithNorm"/>.</summary>
    public static ConvLayer WithBias(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding)
    {
        Tensor weight = Weight(parameters, name, inputs, outputs, kernel);
        return new(weight, parameters.Constant($"{name}.bias", new(outputs), 0, trained: true), null, stride, padding);
    }

    /// <summary>activation(norm(x ∗ weight + bias) + residual).</summary>
    /// <param name="x">[N, inputs, H, W].</param>
    /// <param name="mode">Which statistics BatchNorm uses, and whether the weights are constants.</param>
    /// <param name="residual">Of the output's shape; null for none.</param>
    /// <param name="activation">Null for none.</param>
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
