using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Reduce;

namespace Ascl.Autograd.Ops;

/// <summary>Fully connected layers.</summary>
public static class LinearOps
{
    /// <summary>y = x·weightᵀ + bias: [N, I] to [N, O].</summary>
    /// <param name="x">Plain [N, I].</param>
    /// <param name="weight">[O, I].</param>
    /// <param name="bias">[O].</param>
    public static Tensor Linear(this Tensor x, Tensor weight, Tensor bias)
    {
        if (x.Shape.Rank != 2 || weight.Shape.Rank != 2 || x.Shape[1] != weight.Shape[1] || bias.Shape.Length != weight.Shape[0])
            throw new ShapeException($"linear: x {x.Shape}, weight {weight.Shape} and bias {bias.Shape} do not fit");
        var (n, o, i) = (x.Shape[0], weight.Shape[0], weight.Shape[1]);
        Tensor y = Tensor.Empty(x.Device, new(n, o));
        GemmKernels.Multiply(false, true, n, o, i, x.Data, weight.Data, bias.Data, y.Data);
        return y.Record("linear", (x, BackwardInput), (weight, BackwardWeight), (bias, BackwardBias));

        Tensor BackwardInput(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            GemmKernels.Multiply(false, false, n, i, o, dy.Data, weight.Data, null, dx.Data);
            return dx;
        }

        Tensor BackwardWeight(Tensor dy)
        {
            Tensor dw = Tensor.EmptyLike(weight);
            GemmKernels.Multiply(true, false, o, i, n, dy.Data, x.Data, null, dw.Data);
            return dw;
        }

        Tensor BackwardBias(Tensor dy)
        {
            Tensor db = Tensor.EmptyLike(bias);
            ReduceKernels.ColumnSums(n, o, dy.Data, db.Data);
            return db;
        }
    }
}
