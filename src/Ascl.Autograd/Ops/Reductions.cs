using Ascl.Kernels.Broadcast;
using Ascl.Kernels.ReduceAxis;

namespace Ascl.Autograd.Ops;

/// <summary>Reductions of plain tensors over some of their axes.</summary>
public static class ReductionOps
{
    /// <summary>The sums over axes.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axes">Axes, each once, negative from the last; none to leave x as it is.</param>
    /// <param name="keepDims">Whether the axes stay with size 1.</param>
    public static Tensor SumOver(this Tensor x, int[] axes, bool keepDims) => Sums("sum_over", x, axes, keepDims, isMean: false);

    /// <summary>The means over axes.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axes">Axes, each once, negative from the last; none to leave x as it is.</param>
    /// <param name="keepDims">Whether the axes stay with size 1.</param>
    public static Tensor MeanOver(this Tensor x, int[] axes, bool keepDims) => Sums("mean_over", x, axes, keepDims, isMean: true);

    /// <summary>The largest values over axes; the gradient goes to the first among equals, in row-major order.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axes">Axes of at least one value, each once, negative from the last; none to leave x as it is.</param>
    /// <param name="keepDims">Whether the axes stay with size 1.</param>
    public static Tensor MaxOver(this Tensor x, int[] axes, bool keepDims)
    {
        const string name = "max_over";
        PlainShapes.Require(name, x);
        Tensor y = x;
        foreach (var (first, count) in Groups(name, x.Shape, axes))
            y = MaxOfGroup(name, y, first, count);
        return y.Reshape(Reduced(name, x.Shape, axes, keepDims));
    }

    /// <summary>The smallest values over axes; the gradient goes to the first among equals, in row-major order.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axes">Axes of at least one value, each once, negative from the last; none to leave x as it is.</param>
    /// <param name="keepDims">Whether the axes stay with size 1.</param>
    public static Tensor MinOver(this Tensor x, int[] axes, bool keepDims) => x.Negate().MaxOver(axes, keepDims).Negate();

    private static Tensor Sums(string name, Tensor x, int[] axes, bool keepDims, bool isMean)
    {
        PlainShapes.Require(name, x);
        Tensor y = x;
        foreach (var (first, count) in Groups(name, x.Shape, axes))
            y = SumOfGroup(name, y, first, count, isMean);
        return y.Reshape(Reduced(name, x.Shape, axes, keepDims));
    }

    /// <summary>Sums over adjacent axes, which stay with size 1.</summary>
    private static Tensor SumOfGroup(string name, Tensor x, int first, int count, bool isMean)
    {
        var (outer, size, inner, shape) = Around(x.Shape, first, count);
        float scale = isMean ? 1f / size : 1;
        Tensor y = Tensor.Empty(x.Device, shape);
        ReduceAxisKernels.Sum(outer, size, inner, x.Data, scale, y.Data);
        return y.Record(name, (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor scaled = isMean ? dy.Detach().Scale(scale) : dy;
            Tensor dx = PlainShapes.Map(BroadcastFormula.First, x.Shape, scaled, scaled, scaled);
            if (isMean)
                x.Device.Pool.Return(scaled.Data);
            return dx;
        }
    }

    private static Tensor MaxOfGroup(string name, Tensor x, int first, int count)
    {
        var (outer, size, inner, shape) = Around(x.Shape, first, count);
        Tensor y = Tensor.Empty(x.Device, shape);
        ReduceAxisKernels.Max(outer, size, inner, x.Data, y.Data);
        return y.Record(name, (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ReduceAxisKernels.MaxBackward(outer, size, inner, dy.Data, x.Data, y.Data, dx.Data);
            return dx;
        }
    }

    private static (int Outer, int Size, int Inner, Shape Shape) Around(Shape x, int first, int count)
    {
        int[] sizes = x.Sizes.ToArray();
        int size = PlainShapes.Product(sizes.AsSpan(first, count));
        sizes.AsSpan(first, count).Fill(1);
        return (PlainShapes.Product(sizes.AsSpan(0, first)), size, PlainShapes.Product(sizes.AsSpan(first + count)), new(sizes));
    }

    /// <summary>The axes in groups of adjacent ones, the last first, so that the first of several equal maxima is found.</summary>
    private static List<(int First, int Count)> Groups(string name, Shape shape, int[] axes)
    {
        bool[] marks = Marks(name, shape, axes);
        List<(int, int)> groups = [];
        for (int d = shape.Rank - 1; d >= 0; d--)
        {
            int last = d;
            while (d >= 0 && marks[d])
                d--;
            if (d < last)
                groups.Add((d + 1, last - d));
        }
        return groups;
    }

    private static Shape Reduced(string name, Shape shape, int[] axes, bool keepDims)
    {
        bool[] marks = Marks(name, shape, axes);
        return new([.. Enumerable.Range(0, shape.Rank).Where(d => keepDims || !marks[d]).Select(d => marks[d] ? 1 : shape[d])]);
    }

    private static bool[] Marks(string name, Shape shape, int[] axes)
    {
        bool[] marks = new bool[shape.Rank];
        foreach (int axis in axes)
            marks[PlainShapes.Axis(name, shape, axis)] = true;
        return marks;
    }
}
