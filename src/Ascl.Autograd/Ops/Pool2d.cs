using Ascl.Core.Diagnostics;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Pool2d;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="Pool2dOps.MaxPool2d(Tensor, Window2d, bool)"/>.</summary>
/// <param name="Window">The windows.</param>
/// <param name="CeilMode">Whether windows that reach over the padding count.</param>
public sealed record MaxPool2dOp(Window2d Window, bool CeilMode) : Op("max_pool2d");

/// <summary>The op of <see cref="Pool2dOps.AveragePool2d(Tensor, Window2d, bool, bool)"/>.</summary>
/// <param name="Window">The windows.</param>
/// <param name="CeilMode">Whether windows that reach over the padding count.</param>
/// <param name="CountPadding">Whether a mean is over pixels of the padding too.</param>
public sealed record AveragePool2dOp(Window2d Window, bool CeilMode, bool CountPadding) : Op("average_pool2d");

/// <summary>Pooling of activations.</summary>
public static class Pool2dOps
{
    /// <summary>The maximum of each square window, no padding; the gradient goes to the first among equals.</summary>
    /// <exception cref="ShapeException">The window is larger than the image, or x is not an activation.</exception>
    public static Tensor MaxPool2d(this Tensor x, int size, int stride) => x.MaxPool2d(new Window2d(size, size, stride, stride));

    /// <summary>The maximum of each window's pixels in the image; the gradient goes to the first among equals.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="window">The windows.</param>
    /// <param name="ceilMode">Whether windows count that reach over the padding, if they begin in the image or the padding before it, as
    /// in ONNX and PyTorch.</param>
    /// <exception cref="ShapeException">No window fits, one has no pixel in the image, or x is not an activation.</exception>
    public static Tensor MaxPool2d(this Tensor x, Window2d window, bool ceilMode = false)
    {
        var (g, y) = Prepare(x, window, ceilMode, false);
        Pool2dKernels.MaxForward(g, x.Data, y.Data);
        return y.Record(new MaxPool2dOp(window, ceilMode), (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.MaxBackward(g, dy.Data, x.Data, y.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The mean of each square window, no padding.</summary>
    /// <exception cref="ShapeException">The window is larger than the image, or x is not an activation.</exception>
    public static Tensor AveragePool2d(this Tensor x, int size, int stride) => x.AveragePool2d(new Window2d(size, size, stride, stride));

    /// <summary>The mean of each window's pixels.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="window">The windows.</param>
    /// <param name="ceilMode">Whether windows count that reach over the padding, if they begin in the image or the padding before it, as
    /// in ONNX and PyTorch.</param>
    /// <param name="countPadding">Whether a mean is over the window's pixels in the image and in the padding (as zeros), instead of those
    /// in the image. What lies beyond the padding never counts.</param>
    /// <exception cref="ShapeException">No window fits, one has no pixel in the image, or x is not an activation.</exception>
    public static Tensor AveragePool2d(this Tensor x, Window2d window, bool ceilMode = false, bool countPadding = false)
    {
        var (g, y) = Prepare(x, window, ceilMode, countPadding);
        Pool2dKernels.AverageForward(g, x.Data, y.Data);
        return y.Record(new AveragePool2dOp(window, ceilMode, countPadding), (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.AverageBackward(g, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The largest value of each channel: plain [N, C] from [N, C, H, W]; the gradient goes to the first among equals.</summary>
    public static Tensor GlobalMaxPool(this Tensor x)
    {
        Tensor y = Tensor.Empty(x.Device, new(x.Shape[0], x.Shape[1]));
        Pool2dKernels.GlobalMaxForward(x.ActivationLayout, x.Data, y.Data);
        return y.Record("global_max_pool", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.GlobalMaxBackward(x.ActivationLayout, dy.Data, x.Data, y.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The mean of each channel: plain [N, C] from [N, C, H, W].</summary>
    public static Tensor GlobalAveragePool(this Tensor x)
    {
        Tensor y = Tensor.Empty(x.Device, new(x.Shape[0], x.Shape[1]));
        Pool2dKernels.GlobalAverageForward(x.ActivationLayout, x.Data, y.Data);
        return y.Record("global_average_pool", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.GlobalAverageBackward(x.ActivationLayout, dy.Data, dx.Data);
            return dx;
        }
    }

    private static (Pool2dGeometry, Tensor) Prepare(Tensor x, Window2d window, bool ceilMode, bool countPadding)
    {
        Pool2dGeometry g = Pool2dGeometry.Of(x.Device, x.ActivationLayout, window, ceilMode, countPadding);
        return (g, Tensor.Empty(x.Device, new(g.Output.N, g.Output.C, g.Output.H, g.Output.W), TensorLayout.Activation));
    }
}
