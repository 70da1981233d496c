using Ascl.Core.Diagnostics;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Reduce;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="Conv2dOps.Conv2d(Tensor, Tensor, Tensor?, int, int, Tensor?, bool, bool)"/>. Its inputs are x, the
/// weight, and the bias and residual if there are any.</summary>
public sealed record Conv2dOp(int Stride, int Padding, bool HasBias) : Op("conv2d");

/// <summary>The op of <see cref="Conv2dOps.Conv2d(Tensor, Tensor, Tensor?, Window2d, int, Tensor?, bool, float?, bool)"/> where
/// <see cref="Conv2dOp"/> cannot say it. Its inputs are x, the weight, and the bias and residual if there are any.</summary>
public sealed record WindowConv2dOp(Window2d Window, int Groups, bool HasBias) : Op("conv2d");

/// <summary>The op of <see cref="Conv2dOps.ConvTranspose2d"/>. Its inputs are x, the weight, and the bias if there is one.</summary>
public sealed record ConvTranspose2dOp(Window2d Window, int Groups, int OutputPaddingY, int OutputPaddingX, bool HasBias)
    : Op("conv_transpose2d");

/// <summary>The op of <see cref="Conv2dOps.Pad2d"/>.</summary>
public sealed record Pad2dOp(int Top, int Left, int Bottom, int Right) : Op("pad2d");

/// <summary>Convolution.</summary>
public static class Conv2dOps
{
    /// <summary>y[n, k] = relu?(Σ over c of x[n, c] ∗ weight[k, c] + bias[k] + residual[n, k]), in one pass.</summary>
    /// <param name="x">[N, C, H, W], an activation or image planes.</param>
    /// <param name="weight">Plain [K, C, R, S].</param>
    /// <param name="bias">Plain [K], or null.</param>
    /// <param name="stride">Distance between windows, in pixels.</param>
    /// <param name="padding">Zero pixels on each side.</param>
    /// <param name="residual">An activation of the result's shape, or null.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <param name="normalized">Whether a BatchNorm in training mode follows: the convolution then computes its channel sums if it
    /// can.</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Tensor Conv2d(
        this Tensor x, Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, Tensor? residual = null, bool relu = false,
        bool normalized = false)
    {
        Conv2dGeometry g = Conv2dGeometry.Of(x.Device, x.ActivationLayout, weight.Shape.Sizes, stride, padding);
        return Convolve(new Conv2dOp(stride, padding, bias is not null), g, x, weight, bias, residual, relu, null, normalized);
    }

    /// <summary>y[n, k] = relu?(Σ over the channels c of k's group of x[n, c] ∗ weight[k, c] + bias[k] + residual[n, k]), in one pass, with
    /// any window.</summary>
    /// <param name="x">[N, C, H, W], an activation or image planes.</param>
    /// <param name="weight">Plain [K, C/groups, R, S].</param>
    /// <param name="bias">Plain [K], or null.</param>
    /// <param name="window">R × S taps, their strides, padding and dilation.</param>
    /// <param name="groups">Divides C and K; C of them make a depthwise convolution.</param>
    /// <param name="residual">An activation of the result's shape, or null.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <param name="limit">With <paramref name="relu"/>: the upper bound of the results, such as 6; the gradient is 0 where it is
    /// reached.</param>
    /// <param name="normalized">Whether a BatchNorm in training mode follows: the convolution then computes its channel sums if it
    /// can.</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Tensor Conv2d(
        this Tensor x, Tensor weight, Tensor? bias, Window2d window, int groups, Tensor? residual = null, bool relu = false,
        float? limit = null, bool normalized = false)
    {
        Conv2dGeometry g = Conv2dGeometry.Of(x.Device, x.ActivationLayout, weight.Shape.Sizes, window, groups);
        int stride = window.StrideY, padding = window.Top;
        Op op = groups == 1 && window == new Window2d(g.R, g.S, stride, stride, padding, padding, padding, padding)
            ? new Conv2dOp(stride, padding, bias is not null)
            : new WindowConv2dOp(window, groups, bias is not null);
        return Convolve(op, g, x, weight, bias, residual, relu, limit, normalized);
    }

    /// <summary>
    /// The transposed convolution: y is the sum of the windows of all pixels of x, each x[n, c]·weight[c], with the windows' padding cut
    /// off; so it is the input gradient of <see cref="Conv2d(Tensor, Tensor, Tensor?, Window2d, int, Tensor?, bool, float?, bool)"/>
    /// as a function of dy.
    /// </summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="weight">Plain [C, K/groups, R, S].</param>
    /// <param name="bias">Plain [K], or null.</param>
    /// <param name="window">R × S taps, their strides, padding and dilation.</param>
    /// <param name="groups">Divides C and K.</param>
    /// <param name="outputPaddingY">Further rows at the bottom.</param>
    /// <param name="outputPaddingX">Further columns at the right.</param>
    /// <returns>[N, K, (H − 1)·StrideY + DilationY·(R − 1) + 1 − Top − Bottom + outputPaddingY, likewise columns].</returns>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Tensor ConvTranspose2d(
        this Tensor x, Tensor weight, Tensor? bias, Window2d window, int groups, int outputPaddingY = 0, int outputPaddingX = 0)
    {
        Conv2dGeometry g = Conv2dGeometry.OfTransposed(
            x.Device, x.ActivationLayout, weight.Shape.Sizes, window, groups, outputPaddingY, outputPaddingX);
        Tensor y = Tensor.Empty(x.Device, new(g.Input.N, g.C, g.Input.H, g.Input.W), TensorLayout.Activation);
        Conv2dKernels.BackwardInput(g, x.Data, weight.Data, new Conv2dEpilogue(bias?.Data), y.Data);
        List<Edge> edges = [new(x, BackwardInput, Fuses: true), (weight, dy => BackwardWeight(g, dy, x, weight))];
        if (bias is not null)
            edges.Add((bias, dy => BackwardBias(g.Input, dy, bias)));
        return y.Record(new ConvTranspose2dOp(window, groups, outputPaddingY, outputPaddingX, bias is not null), [.. edges]);

        Tensor BackwardInput(Tensor dy, Fusion fusion)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Conv2dKernels.Forward(g, dy.Data, weight.Data,
                new Conv2dEpilogue(Residual: fusion.Addend?.Data, Gate: fusion.Gate?.Data,
                    GateLimit: fusion.Gate?.RectifiedLimit), dx.Data);
            return dx;
        }
    }

    /// <summary>Zero pixels around every image, or, where a number is negative, without so many of its rows or columns.</summary>
    /// <param name="x">[N, C, H, W], an activation or image planes; the result has the same layout.</param>
    /// <param name="top">Rows above.</param>
    /// <param name="left">Columns to the left.</param>
    /// <param name="bottom">Rows below.</param>
    /// <param name="right">Columns to the right.</param>
    /// <exception cref="ShapeException">Nothing is left, or x is plain.</exception>
    public static Tensor Pad2d(this Tensor x, int top, int left, int bottom, int right)
    {
        ActivationLayout from = x.ActivationLayout;
        int h = from.H + top + bottom, w = from.W + left + right;
        if (h < 1 || w < 1)
            throw new ShapeException($"pad2d: {top}, {left}, {bottom}, {right} leave nothing of {x.Shape}");
        Tensor y = Tensor.Empty(x.Device, new(from.N, from.C, h, w), x.Layout);
        ActivationKernels.Pad(from, x.Data, y.ActivationLayout, top, left, y.Data);
        return y.Record(new Pad2dOp(top, left, bottom, right), (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ActivationKernels.Pad(dy.ActivationLayout, dy.Data, from, -top, -left, dx.Data);
            return dx;
        }
    }

    private static Tensor Convolve(
        Op op, Conv2dGeometry g, Tensor x, Tensor weight, Tensor? bias, Tensor? residual, bool relu, float? limit, bool normalized)
    {
        Tensor y = Tensor.Empty(x.Device, new(g.Output.N, g.K, g.Output.H, g.Output.W), TensorLayout.Activation);
        if (residual is not null && (residual.Shape != y.Shape || residual.Layout != y.Layout))
            throw new ShapeException($"conv2d: residual {residual.Layout} {residual.Shape} does not fit the result {y.Shape}");
        y.Sums = normalized ? new ChannelSums() : null;
        Conv2dKernels.Forward(g, x.Data, weight.Data, new Conv2dEpilogue(bias?.Data, residual?.Data, relu, Limit: limit), y.Data, y.Sums);
        (y.Rectified, y.RectifiedLimit) = (relu, limit);
        JointVjp<Tensor> gated = new((dy, masked) =>
        {
            if (!relu || masked)
                return dy;
            Tensor dz = Tensor.EmptyLike(dy);
            if (limit is { } bound)
                ElementwiseKernels.LimitedReluBackward(dy.Data, y.Data, bound, dz.Data);
            else
                ElementwiseKernels.ReluBackward(dy.Data, y.Data, dz.Data);
            return dz;
        });
        List<Edge> edges = [ToInput(g, x, weight, gated.Of),
            new(weight, (dy, fusion) => BackwardWeight(g, x, gated.Of(dy, fusion), weight), Fuses: false)];
        if (bias is not null)
            edges.Add(new(bias, (dy, fusion) => BackwardBias(g.Output, gated.Of(dy, fusion), bias), Fuses: false));
        if (residual is not null)
            edges.Add(new(residual, gated.Of, Fuses: false));
        return y.Record(op, [.. edges]);
    }

    /// <summary>The input's gradient, from dy after <paramref name="gated"/>.</summary>
    private static Edge ToInput(Conv2dGeometry g, Tensor x, Tensor weight, FusedVjp gated)
    {
        return new(x, Backward, Fuses: x.Layout == TensorLayout.Activation);

        Tensor Backward(Tensor dy, Fusion fusion)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Conv2dKernels.BackwardInput(g, gated(dy, fusion).Data, weight.Data,
                new Conv2dEpilogue(Residual: fusion.Addend?.Data, Gate: fusion.Gate?.Data,
                    GateLimit: fusion.Gate?.RectifiedLimit), dx.Data);
            return dx;
        }
    }

    private static Tensor BackwardWeight(Conv2dGeometry g, Tensor x, Tensor dy, Tensor weight)
    {
        Tensor dw = Tensor.EmptyLike(weight);
        Conv2dKernels.BackwardWeight(g, x.Data, dy.Data, dw.Data);
        return dw;
    }

    private static Tensor BackwardBias(ActivationLayout layout, Tensor dy, Tensor bias)
    {
        Tensor db = Tensor.EmptyLike(bias);
        ReduceKernels.ChannelSums(layout, dy.Data, db.Data);
        return db;
    }
}
