using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;
using Ascl.Kernels.Broadcast;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Transpose;

namespace Ascl.Autograd.Ops;

/// <summary>Ops that move values without computing, and sparse maps along an axis. All on plain tensors.</summary>
public static class ShapeOps
{
    /// <summary>The same values, in the same memory, in another shape of the same length.</summary>
    public static Tensor Reshape(this Tensor x, Shape shape)
    {
        PlainShapes.Require("reshape", x);
        if (x.Shape.Length != shape.Length)
            throw new ShapeException($"reshape: {x.Shape} has {x.Shape.Length} values, {shape} {shape.Length}");
        return x.Shape == shape ? x : x.Viewed(shape).Record("reshape", (x, dy => dy.Viewed(x.Shape)));
    }

    /// <summary>An activation or image planes as a plain [N, C, H, W]; a plain tensor as it is.</summary>
    public static Tensor ToPlain(this Tensor x)
    {
        if (x.Layout == TensorLayout.Plain)
            return x;
        Tensor y = Tensor.Empty(x.Device, x.Shape);
        ActivationKernels.ToPlain(x.ActivationLayout, x.Data, default, y.Data);
        return y.Record("to_plain", (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            ActivationKernels.FromPlain(x.ActivationLayout, dy.Data, default, default, dx.Data);
            return dx;
        }
    }

    /// <summary>The dimensions in another order: dimension d of the result is dimension permutation[d] of x.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="permutation">Each dimension of x once.</param>
    public static Tensor Transpose(this Tensor x, params int[] permutation)
    {
        PlainShapes.Require("transpose", x);
        return Transposed(x, permutation).Record("transpose", (x, dy => Transposed(dy, Inverse(permutation))));
    }

    /// <summary>The parts one after another along an axis; their other sizes are equal.</summary>
    /// <param name="parts">At least one.</param>
    /// <param name="axis">The axis; negative from the last.</param>
    public static Tensor Concat(IReadOnlyList<Tensor> parts, int axis)
    {
        const string name = "concat";
        if (parts.Count == 0)
            throw new ShapeException($"{name}: nothing to put together");
        Tensor[] all = [.. parts];
        PlainShapes.Require(name, all);
        axis = PlainShapes.Axis(name, all[0].Shape, axis);
        int[] sizes = all[0].Shape.Sizes.ToArray();
        sizes[axis] = 0;
        foreach (Tensor part in all)
        {
            bool fits = part.Shape.Rank == sizes.Length;
            for (int d = 0; fits && d < sizes.Length; d++)
                fits = d == axis || part.Shape[d] == sizes[d];
            if (!fits)
                throw new ShapeException($"{name}: {string.Join(", ", all.Select(p => p.Shape))} differ beside axis {axis}");
            sizes[axis] += part.Shape[axis];
        }
        Tensor y = Tensor.Empty(all[0].Device, new(sizes));
        var (outer, inner) = PlainShapes.Around(y.Shape, axis);
        int row = sizes[axis] * inner, from = 0;
        Edge[] edges = new Edge[all.Length];
        for (int i = 0; i < all.Length; i++)
        {
            Tensor part = all[i];
            int start = from, length = part.Shape[axis] * inner;
            TransposeKernels.CopyRows(outer, length, part.Data, 0, length, y.Data, start, row);
            edges[i] = (part, dy => Part(dy, part, start, length));
            from += length;
        }
        return y.Record(name, edges);

        Tensor Part(Tensor dy, Tensor part, int start, int length)
        {
            Tensor dx = Tensor.EmptyLike(part);
            TransposeKernels.CopyRows(outer, length, dy.Data, start, row, dx.Data, 0, length);
            return dx;
        }
    }

    /// <summary>x repeated along dimensions of size 1, and along new ones before the first, to a shape that it broadcasts to.</summary>
    public static Tensor Expand(this Tensor x, Shape shape)
    {
        PlainShapes.Require("expand", x);
        if (x.Shape == shape)
            return x;
        return PlainShapes.Map(BroadcastFormula.First, shape, x, x, x)
            .Record("expand", (x, dy => PlainShapes.SumTo(dy, x.Shape, owned: false)));
    }

    /// <summary>A sparse map along one axis: gather, slice, flip, pad, average pooling, interpolation.</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axis">The axis; negative from the last.</param>
    /// <param name="map">The map, of as many inputs as the axis has values.</param>
    public static Tensor MapAxis(this Tensor x, int axis, AxisMap map)
    {
        const string name = "map_axis";
        PlainShapes.Require(name, x);
        axis = PlainShapes.Axis(name, x.Shape, axis);
        if (x.Shape[axis] != map.Inputs)
            throw new ShapeException($"{name}: a map of {map.Inputs} values for axis {axis} of {x.Shape}");
        return Mapped(x, axis, map).Record(name, (x, dy => Mapped(dy, axis, map.Transposed)));
    }

    private static Tensor Mapped(Tensor x, int axis, AxisMap map)
    {
        int[] sizes = x.Shape.Sizes.ToArray();
        sizes[axis] = map.Outputs;
        Tensor y = Tensor.Empty(x.Device, new(sizes));
        var (outer, inner) = PlainShapes.Around(x.Shape, axis);
        AxisMapKernels.Apply(map, outer, inner, x.Data, y.Data);
        return y;
    }

    private static Tensor Transposed(Tensor x, int[] permutation)
    {
        if (permutation.Length != x.Shape.Rank || permutation.Any(d => d < 0 || d >= x.Shape.Rank))
            throw new ShapeException($"transpose: [{string.Join(", ", permutation)}] does not order the dimensions of {x.Shape}");
        Tensor y = Tensor.Empty(x.Device, new([.. permutation.Select(d => x.Shape[d])]));
        TransposeKernels.Transpose(x.Shape.Sizes, permutation, x.Data, y.Data);
        return y;
    }

    private static int[] Inverse(int[] permutation)
    {
        int[] inverse = new int[permutation.Length];
        for (int d = 0; d < permutation.Length; d++)
            inverse[permutation[d]] = d;
        return inverse;
    }
}
