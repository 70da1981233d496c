using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Normalize;
using Ascl.Kernels.Reduce;

namespace Ascl.Autograd.Ops;

/// <summary>Row operations on plain matrices, and sums.</summary>
public static class RowOps
{
    /// <summary>Each row divided by its L2 norm; a zero row stays zero and has a zero gradient.</summary>
    public static Tensor NormalizeRows(this Tensor x)
    {
        if (x.Shape.Rank != 2)
            throw new ShapeException($"normalize_rows: [n, d] is needed, not {x.Shape}");
        var (n, d) = (x.Shape[0], x.Shape[1]);
        Tensor y = Tensor.EmptyLike(x), norms = Tensor.Empty(x.Device, new(n));
        NormalizeKernels.Forward(n, d, x.Data, y.Data, norms.Data);
        return y.Record("normalize_rows", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            NormalizeKernels.Backward(n, d, y.Data, norms.Data, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The rows of a followed by those of b: [n + m, d].</summary>
    public static Tensor Concatenate(this Tensor a, Tensor b)
    {
        if (a.Shape.Rank != 2 || b.Shape.Rank != 2 || a.Shape[1] != b.Shape[1])
            throw new ShapeException($"concatenate: rows of {a.Shape} and {b.Shape} differ in length");
        Tensor y = Tensor.Empty(a.Device, new(a.Shape[0] + b.Shape[0], a.Shape[1]));
        ElementwiseKernels.Copy(a.Data, 0, y.Data, 0, a.Shape.Length);
        ElementwiseKernels.Copy(b.Data, 0, y.Data, a.Shape.Length, b.Shape.Length);
        return y.Record("concatenate", (a, dy => Part(dy, 0, a)), (b, dy => Part(dy, a.Shape.Length, b)));

        static Tensor Part(Tensor dy, int from, Tensor like)
        {
            Tensor part = Tensor.EmptyLike(like);
            ElementwiseKernels.Copy(dy.Data, from, part.Data, 0, like.Shape.Length);
            return part;
        }
    }

    /// <summary>Rows from…from + count − 1: [count, d].</summary>
    public static Tensor Rows(this Tensor x, int from, int count)
    {
        if (x.Shape.Rank != 2 || from < 0 || count < 0 || from + count > x.Shape[0])
            throw new ShapeException($"rows: {from}…{from + count - 1} of {x.Shape}");
        int start = from * x.Shape[1];
        Tensor y = Tensor.Empty(x.Device, new(count, x.Shape[1]));
        ElementwiseKernels.Copy(x.Data, start, y.Data, 0, y.Shape.Length);
        return y.Record("rows", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ElementwiseKernels.Fill(null, 0, dx.Data);
            ElementwiseKernels.Copy(dy.Data, 0, dx.Data, start, dy.Shape.Length);
            return dx;
        }
    }

    /// <summary>scale·Σ x: one value.</summary>
    public static Tensor Sum(this Tensor x, float scale = 1)
    {
        if (x.Layout != TensorLayout.Plain)
            throw new ShapeException($"sum: a plain tensor is needed, not {x.Layout} {x.Shape}");
        Tensor y = Tensor.Empty(x.Device, new(1));
        ReduceKernels.Sum(x.Data, scale, y.Data);
        return y.Record("sum", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ElementwiseKernels.Fill(dy.Data, scale, dx.Data);
            return dx;
        }
    }

    /// <summary>The mean of all values.</summary>
    public static Tensor Mean(this Tensor x) => x.Sum(1f / x.Shape.Length);
}
