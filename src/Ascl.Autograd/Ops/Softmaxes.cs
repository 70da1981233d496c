using Ascl.Kernels.Softmax;

namespace Ascl.Autograd.Ops;

/// <summary>The softmax along an axis of a plain tensor.</summary>
public static class SoftmaxOps
{
    /// <summary>exp x/Σ exp x along an axis.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axis">The axis; negative from the last.</param>
    public static Tensor Softmax(this Tensor x, int axis) => AlongLast("softmax", x, axis, OfRows);

    /// <summary>x − log Σ exp x along an axis.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axis">The axis; negative from the last.</param>
    public static Tensor LogSoftmax(this Tensor x, int axis) => AlongLast("log_softmax", x, axis, rows => rows.LogSoftmax());

    private static Tensor OfRows(Tensor x)
    {
        Tensor y = Tensor.EmptyLike(x);
        SoftmaxKernels.SoftmaxForward(x.Shape[0], x.Shape[1], x.Data, y.Data);
        return y.Record("softmax", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            SoftmaxKernels.SoftmaxBackward(x.Shape[0], x.Shape[1], y.Data, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>Applies a function of rows [n, k] along an axis.</summary>
    private static Tensor AlongLast(string name, Tensor x, int axis, Func<Tensor, Tensor> ofRows)
    {
        PlainShapes.Require(name, x);
        axis = PlainShapes.Axis(name, x.Shape, axis);
        if (x.Shape.Length == 0)
            return x;
        int rank = x.Shape.Rank;
        if (PlainShapes.Around(x.Shape, axis).Inner == 1)
            return ofRows(x.Reshape(new(x.Shape.Length / x.Shape[axis], x.Shape[axis]))).Reshape(x.Shape);
        int[] swap = [.. Enumerable.Range(0, rank)];
        (swap[axis], swap[^1]) = (swap[^1], swap[axis]);
        Tensor moved = x.Transpose(swap);
        return ofRows(moved.Reshape(new(x.Shape.Length / x.Shape[axis], x.Shape[axis]))).Reshape(moved.Shape).Transpose(swap);
    }
}
