using Ascl.Core.Diagnostics;
using Ascl.Kernels.Elementwise;

namespace Ascl.Autograd.Ops;

/// <summary>Elementwise ops on tensors in any layout.</summary>
public static class ElementwiseOps
{
    /// <summary>max(0, x); the gradient at 0 is 0.</summary>
    public static Tensor Relu(this Tensor x)
    {
        Tensor y = Tensor.EmptyLike(x);
        ElementwiseKernels.Relu(x.Data, y.Data);
        y.Rectified = true;
        return y.Record("relu", new Edge(x, Backward, Fuses: false));

        Tensor Backward(Tensor dy, Fusion fusion)
        {
            if (fusion.Masked)
                return dy;
            Tensor dx = Tensor.EmptyLike(x);
            ElementwiseKernels.ReluBackward(dy.Data, y.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>a + b, for equal shapes and layouts, or plain tensors whose shapes broadcast (<see cref="BroadcastingOps"/>).</summary>
    public static Tensor Add(this Tensor a, Tensor b) =>
        a.Shape == b.Shape && a.Layout == b.Layout ? a.AddScaled(b, 1) : BroadcastingOps.Sum(a, b);

    /// <summary>a + scale·b, for equal shapes and layouts.</summary>
    public static Tensor AddScaled(this Tensor a, Tensor b, float scale)
    {
        if (a.Shape != b.Shape || a.Layout != b.Layout)
            throw new ShapeException($"add: {a.Layout} {a.Shape} and {b.Layout} {b.Shape} differ");
        Tensor y = Tensor.EmptyLike(a);
        ElementwiseKernels.AddScaled(a.Data, b.Data, scale, y.Data);
        return y.Record("add", (a, dy => dy), (b, dy => scale == 1 ? dy : Scaled(dy, scale)));
    }

    /// <summary>scale·x.</summary>
    public static Tensor Scale(this Tensor x, float scale) => Scaled(x, scale).Record("scale", (x, dy => Scaled(dy, scale)));

    /// <summary>a·b, elementwise, for equal shapes and layouts, or plain tensors whose shapes broadcast
    /// (<see cref="BroadcastingOps"/>).</summary>
    public static Tensor Multiply(this Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape || a.Layout != b.Layout)
            return BroadcastingOps.Product(a, b);
        return Product(a, b).Record("multiply", (a, dy => Product(dy, b)), (b, dy => Product(dy, a)));
    }

    /// <summary>|x|; the gradient at 0 is 0.</summary>
    public static Tensor Abs(this Tensor x)
    {
        Tensor y = Tensor.EmptyLike(x);
        ElementwiseKernels.Abs(x.Data, y.Data);
        return y.Record("abs", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ElementwiseKernels.AbsBackward(dy.Data, x.Data, dx.Data);
            return dx;
        }
    }

    private static Tensor Product(Tensor a, Tensor b)
    {
        Tensor y = Tensor.EmptyLike(a);
        ElementwiseKernels.Multiply(a.Data, b.Data, y.Data);
        return y;
    }

    private static Tensor Scaled(Tensor x, float scale)
    {
        Tensor y = Tensor.EmptyLike(x);
        ElementwiseKernels.Scale(x.Data, scale, y.Data);
        return y;
    }
}
