using Ascl.Core.Diagnostics;
using Ascl.Kernels.Broadcast;
using Ascl.Kernels.ReduceAxis;

namespace Ascl.Autograd.Ops;

/// <summary>Rules about shapes of plain tensors that several ops share.</summary>
internal static class PlainShapes
{
    /// <exception cref="ShapeException">The tensor has another layout.</exception>
    public static void Require(string op, params ReadOnlySpan<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
            if (tensor.Layout != TensorLayout.Plain)
                throw new ShapeException($"{op}: a plain tensor is needed, not {tensor.Layout} {tensor.Shape}: see ToPlain");
    }

    /// <summary>An axis counted from the first dimension; negative ones count from the end.</summary>
    public static int Axis(string op, Shape shape, int axis) =>
        axis >= -shape.Rank && axis < shape.Rank
            ? axis < 0 ? axis + shape.Rank : axis
            : throw new ShapeException($"{op}: there is no axis {axis} in {shape}");

    /// <summary>The product of sizes.</summary>
    public static int Product(ReadOnlySpan<int> sizes)
    {
        int product = 1;
        foreach (int size in sizes)
            product *= size;
        return product;
    }

    /// <summary>The products of the sizes before and after an axis.</summary>
    public static (int Outer, int Inner) Around(Shape shape, int axis) =>
        (Product(shape.Sizes[..axis]), Product(shape.Sizes[(axis + 1)..]));

    /// <summary>The shape to which all broadcast, by NumPy's rules.</summary>
    public static Shape Broadcast(string op, params ReadOnlySpan<Shape> shapes)
    {
        int rank = 0;
        foreach (Shape shape in shapes)
            rank = Math.Max(rank, shape.Rank);
        int[] sizes = new int[rank];
        Array.Fill(sizes, 1);
        foreach (Shape shape in shapes)
            for (int d = 0; d < shape.Rank; d++)
            {
                int to = rank - shape.Rank + d;
                if (shape[d] != 1 && sizes[to] != 1 && sizes[to] != shape[d])
                    throw new ShapeException($"{op}: {string.Join(" and ", shapes.ToArray())} do not broadcast");
                sizes[to] = sizes[to] == 1 ? shape[d] : sizes[to];
            }
        return new(sizes);
    }

    /// <summary>formula(a, b, c) with broadcasting to a shape; not recorded.</summary>
    public static Tensor Map(BroadcastFormula formula, Shape shape, Tensor a, Tensor b, Tensor c)
    {
        Tensor y = Tensor.Empty(a.Device, shape);
        BroadcastGeometry geometry = BroadcastGeometry.Of(shape.Sizes, a.Shape.Sizes, b.Shape.Sizes, c.Shape.Sizes);
        BroadcastKernels.Map(formula, geometry, a.Data, b.Data, c.Data, y.Data);
        return y;
    }

    /// <summary>
    /// The sums of a gradient over the axes along which an operand of <paramref name="shape"/> was broadcast; the gradient itself if there
    /// are none. Not recorded.
    /// </summary>
    /// <param name="owned">Whether the gradient was made for this and may be given back to the pool.</param>
    public static Tensor SumTo(Tensor gradient, Shape shape, bool owned)
    {
        if (gradient.Shape == shape)
            return gradient;
        int missing = gradient.Shape.Rank - shape.Rank;
        int[] sizes = gradient.Shape.Sizes.ToArray();
        Tensor sum = gradient;
        for (int d = sizes.Length - 1; d >= 0;)
        {
            int last = d;
            while (d >= 0 && IsSummed(d))
                d--;
            if (d == last)
            {
                d--;
                continue;
            }
            int size = Product(sizes.AsSpan()[(d + 1)..(last + 1)]);
            sizes.AsSpan()[(d + 1)..(last + 1)].Fill(1);
            if (size == 1)
                continue;
            Tensor next = Tensor.Empty(gradient.Device, new(sizes));
            ReduceAxisKernels.Sum(Product(sizes.AsSpan()[..(d + 1)]), size, Product(sizes.AsSpan()[(last + 1)..]), sum.Data, 1, next.Data);
            if (owned)
                sum.Device.Pool.Return(sum.Data);
            (sum, owned) = (next, true);
        }
        return sum.Viewed(shape);

        bool IsSummed(int d) => d < missing || shape[d - missing] == 1;
    }
}
