using Ascl.Core.Diagnostics;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="Conv2dOps.Conv2d"/>. Its inputs are x, the weight, and the bias and residual if there are any.</summary>
public sealed record Conv2dOp(int Stride, int Padding, bool HasBias) : Op("conv2d");

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
        Tensor y = Tensor.Empty(x.Device, new(g.Output.N, g.K, g.Output.H, g.Output.W), TensorLayout.Activation);
        if (residual is not null && (residual.Shape != y.Shape || residual.Layout != y.Layout))
            throw new ShapeException($"conv2d: residual {residual.Layout} {residual.Shape} does not fit the result {y.Shape}");
        y.Sums = normalized ? new ChannelSums() : null;
        Conv2dKernels.Forward(g, x.Data, weight.Data, new Conv2dEpilogue(bias?.Data, residual?.Data, relu), y.Data, y.Sums);
        y.Rectified = relu;
        JointVjp<Tensor> gated = new((dy, masked) =>
        {
            if (!relu || masked)
                return dy;
            Tensor dz = Tensor.EmptyLike(dy);
            ElementwiseKernels.ReluBackward(dy.Data, y.Data, dz.Data);
            return dz;
        });
        List<Edge> edges = [ToInput(g, x, weight, gated.Of),
            new(weight, (dy, fusion) => BackwardWeight(g, x, gated.Of(dy, fusion), weight), Fuses: false)];
        if (bias is not null)
            edges.Add(new(bias, (dy, fusion) => BackwardBias(g, gated.Of(dy, fusion), bias), Fuses: false));
        if (residual is not null)
            edges.Add(new(residual, gated.Of, Fuses: false));
        return y.Record(new Conv2dOp(stride, padding, bias is not null), [.. edges]);
    }

    /// <summary>The input's gradient, from dy after <paramref name="gated"/>.</summary>
    private static Edge ToInput(Conv2dGeometry g, Tensor x, Tensor weight, FusedVjp gated)
    {
        return new(x, Backward, Fuses: x.Layout == TensorLayout.Activation);

        Tensor Backward(Tensor dy, Fusion fusion)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Conv2dKernels.BackwardInput(g, gated(dy, fusion).Data, weight.Data,
                new Conv2dEpilogue(Residual: fusion.Addend?.Data, Gate: fusion.Gate?.Data), dx.Data);
            return dx;
        }
    }

    private static Tensor BackwardWeight(Conv2dGeometry g, Tensor x, Tensor dy, Tensor weight)
    {
        Tensor dw = Tensor.EmptyLike(weight);
        Conv2dKernels.BackwardWeight(g, x.Data, dy.Data, dw.Data);
        return dw;
    }

    private static Tensor BackwardBias(Conv2dGeometry g, Tensor dy, Tensor bias)
    {
        Tensor db = Tensor.EmptyLike(bias);
        ReduceKernels.ChannelSums(g.Output, dy.Data, db.Data);
        return db;
    }
}
