using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;

namespace Ascl.Autograd.Ops;

/// <summary>Convolution.</summary>
public static class Conv2dOps
{
    /// <summary>y[n, k] = Σ over c of x[n, c] ∗ weight[k, c] (+ bias[k]).</summary>
    /// <param name="x">[N, C, H, W], an activation or image planes.</param>
    /// <param name="weight">Plain [K, C, R, S].</param>
    /// <param name="bias">Plain [K], or null.</param>
    /// <param name="stride">Pixels from one window to the next.</param>
    /// <param name="padding">Zero pixels around the image.</param>
    public static Tensor Conv2d(this Tensor x, Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0)
    {
        Conv2dGeometry g = Conv2dGeometry.Of(x.ActivationLayout, weight.Shape.Sizes, stride, padding);
        Tensor y = Tensor.Empty(x.Device, new(g.Output.N, g.K, g.Output.H, g.Output.W), TensorLayout.Activation);
        Conv2dKernels.Forward(g, x.Data, weight.Data, new Conv2dEpilogue(bias?.Data), y.Data);
        Edge[] edges = [ToInput(g, x, weight, (dy, _) => dy), (weight, dy => BackwardWeight(g, x, dy, weight))];
        return y.Record("conv2d", bias is null ? edges : [.. edges, (bias, dy => BackwardBias(g, dy, bias))]);
    }

    /// <summary>relu?(x ∗ weight + bias + residual) in one pass: a convolution with BatchNorm's evaluation mode folded in.</summary>
    /// <remarks>Gradients reach x and the residual; weight and bias are constants, made from others that are not being trained.</remarks>
    public static Tensor FoldedConv2d(this Tensor x, Tensor weight, Tensor bias, Tensor? residual, bool relu, int stride, int padding)
    {
        Conv2dGeometry g = Conv2dGeometry.Of(x.ActivationLayout, weight.Shape.Sizes, stride, padding);
        Tensor y = Tensor.Empty(x.Device, new(g.Output.N, g.K, g.Output.H, g.Output.W), TensorLayout.Activation);
        Conv2dKernels.Forward(g, x.Data, weight.Data, new Conv2dEpilogue(bias.Data, residual?.Data, relu), y.Data);
        y.Rectified = relu;
        JointVjp<Tensor> gated = new((dy, masked) =>
        {
            if (!relu || masked)
                return dy;
            Tensor dz = Tensor.EmptyLike(dy);
            ElementwiseKernels.ReluBackward(dy.Data, y.Data, dz.Data);
            return dz;
        });
        Edge toInput = ToInput(g, x, weight, gated.Of);
        return y.Record("folded_conv2d", residual is null ? [toInput] : [toInput, new Edge(residual, gated.Of, Fuses: false)]);
    }

    /// <summary>The input's gradient, from what <paramref name="gated"/> makes of dy.</summary>
    private static Edge ToInput(Conv2dGeometry g, Tensor x, Tensor weight, FusedVjp gated)
    {
        return new(x, Backward, Fuses: x.Layout == TensorLayout.Activation);

        Tensor Backward(Tensor dy, Fusion fusion)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Conv2dKernels.BackwardInput(g, gated(dy, fusion).Data, weight.Data, new Conv2dEpilogue(Residual: fusion.Addend?.Data, Gate: fusion.Gate?.Data), dx.Data);
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
