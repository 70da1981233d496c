using Ascl.Kernels.Devices;
using Ascl.Kernels.Pool2d;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="Pool2dOps.MaxPool2d"/>: windows of Size × Size, Stride apart, no padding.</summary>
public sealed record MaxPool2dOp(int Size, int Stride) : Op("max_pool2d");

/// <summary>Pooling of activations.</summary>
public static class Pool2dOps
{
    /// <summary>The maximum of each window; the gradient goes to the first among equals.</summary>
    public static Tensor MaxPool2d(this Tensor x, int size, int stride)
    {
        var (g, y) = Prepare(x, size, stride);
        Pool2dKernels.MaxForward(g, x.Data, y.Data);
        return y.Record(new MaxPool2dOp(size, stride), (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.MaxBackward(g, dy.Data, x.Data, y.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The mean of each window.</summary>
    public static Tensor AveragePool2d(this Tensor x, int size, int stride)
    {
        var (g, y) = Prepare(x, size, stride);
        Pool2dKernels.AverageForward(g, x.Data, y.Data);
        return y.Record("average_pool2d", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            Pool2dKernels.AverageBackward(g, dy.Data, dx.Data);
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

    private static (Pool2dGeometry, Tensor) Prepare(Tensor x, int size, int stride)
    {
        Pool2dGeometry g = Pool2dGeometry.Of(x.Device, x.ActivationLayout, size, stride);
        return (g, Tensor.Empty(x.Device, new(g.Output.N, g.Output.C, g.Output.H, g.Output.W), TensorLayout.Activation));
    }
}
