using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;
using Ascl.Models.Weights;

namespace Ascl.Models.Layers;

/// <summary>A convolution followed by a bias, BatchNorm, a residual and an activation, all optional. In
/// <see cref="ForwardMode.Inference"/> with ReLU all of it is one op. Weights are He-normal, [outputs, inputs/groups, rows,
/// columns].</summary>
public sealed class ConvLayer
{
    private readonly Tensor weight;
    private readonly Tensor? bias;
    private readonly BatchNormLayer? norm;
    private readonly Window2d window;
    private readonly int groups;

    private ConvLayer(ParameterSet parameters, string name, string? normName, int inputs, int outputs, Window2d window, int groups,
        bool hasBias)
    {
        (this.window, this.groups) = (window, groups);
        weight = parameters.HeNormal($"{name}.weight", new(outputs, inputs / groups, window.Height, window.Width));
        bias = hasBias ? parameters.Constant($"{name}.bias", new(outputs), 0, trained: true) : null;
        norm = normName is null ? null : new BatchNormLayer(parameters, normName, outputs);
    }

    /// <summary>A square convolution without bias, followed by BatchNorm.</summary>
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
        WithNorm(parameters, name, normName, inputs, outputs, Square(kernel, stride, padding));

    /// <summary>A convolution with any window, followed by BatchNorm.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="name">Prefix of the convolution's tensor names.</param>
    /// <param name="normName">Prefix of BatchNorm's tensor names.</param>
    /// <param name="inputs">Input channels.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="window">Size, strides, padding and dilation.</param>
    /// <param name="groups">Divides inputs and outputs; as many as inputs make a depthwise convolution.</param>
    /// <param name="hasBias">Whether a bias, which starts at zero, is added before BatchNorm.</param>
    public static ConvLayer WithNorm(ParameterSet parameters, string name, string normName, int inputs, int outputs, Window2d window,
        int groups = 1, bool hasBias = false) =>
        new(parameters, name, normName, inputs, outputs, window, groups, hasBias);

    /// <summary>A square convolution without bias and without BatchNorm; parameters as for
    /// <see cref="WithNorm(ParameterSet, string, string, int, int, int, int, int)"/>.</summary>
    public static ConvLayer Bare(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding) =>
        Bare(parameters, name, inputs, outputs, Square(kernel, stride, padding));

    /// <summary>A convolution with any window, without bias and without BatchNorm; parameters as for
    /// <see cref="WithNorm(ParameterSet, string, string, int, int, Window2d, int, bool)"/>.</summary>
    public static ConvLayer Bare(ParameterSet parameters, string name, int inputs, int outputs, Window2d window) =>
        new(parameters, name, null, inputs, outputs, window, 1, false);

    /// <summary>A square convolution with a bias that starts at zero; parameters as for
    /// <see cref="WithNorm(ParameterSet, string, string, int, int, int, int, int)"/>.</summary>
    public static ConvLayer WithBias(ParameterSet parameters, string name, int inputs, int outputs, int kernel, int stride, int padding) =>
        new(parameters, name, null, inputs, outputs, Square(kernel, stride, padding), 1, true);

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
            return x.Conv2d(folded.Weight, folded.Bias, window, groups, residual, relu);
        }
        return norm is null
            ? x.Conv2d(weight, bias, window, groups, residual, relu)
            : norm.Normalize(x.Conv2d(weight, bias, window, groups, normalized: mode == ForwardMode.Train), mode, residual, relu);
    }

    private static Window2d Square(int kernel, int stride, int padding) =>
        new(kernel, kernel, stride, stride, padding, padding, padding, padding);
}
