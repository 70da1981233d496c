using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Operators that only move values: each works on constants and on tensors.</summary>
internal static class Arrangement
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Shape"] = Sizes,
        ["Size"] = call => [OnnxConstant.Of(new Shape([]), [call.Shape(0).Length])],
        ["ConstantOfShape"] = ConstantOfShape,
        ["Reshape"] = Reshape,
        ["Flatten"] = Flatten,
        ["Squeeze"] = Squeeze,
        ["Unsqueeze"] = Unsqueeze,
        ["Transpose"] = Transpose,
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["Expand"] = Expand,
        ["Tile"] = Tile,
        ["DepthToSpace"] = DepthToSpace,
        ["SpaceToDepth"] = SpaceToDepth,
        ["ascl.ChannelShuffle"] = ChannelShuffle,
    };

    private static OnnxValue[] Sizes(OnnxCall call)
    {
        int rank = call.Shape(0).Rank;
        int start = Within(call.Node.Integer("start", 0)), end = Within(call.Node.Integer("end", rank));
        return [OnnxConstant.Of([.. Enumerable.Range(start, Math.Max(0, end - start)).Select(i => (long)call.Shape(0)[i])])];

        int Within(long axis) => (int)Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);
    }

    private static OnnxValue[] ConstantOfShape(OnnxCall call)
    {
        Shape shape = ShapeOf(call.Constant(0).Integers);
        OnnxConstant value = call.Node.Attributes.GetValueOrDefault("value")?.Constant ?? OnnxConstant.Of(new Shape(1), [0f]);
        return [value.Picked(shape, _ => 0)];
    }

    private static OnnxValue[] Reshape(OnnxCall call)
    {
        Shape from = call.Shape(0);
        long[] wanted = call.OptionalConstant(1)?.Integers ?? call.Node.Integers("shape") ?? throw new ShapeException("it has no shape");
        bool keepsZeros = call.Node.Integer("allowzero", 0) != 0;
        long[] sizes = [.. wanted.Select((size, i) => size != 0 || keepsZeros ? size
            : i < from.Rank ? from[i] : throw new ShapeException($"size {i + 1} is to be that of {from}"))];
        if (sizes.Count(size => size == -1) == 1)
        {
            long known = sizes.Where(size => size != -1).Aggregate(1L, (product, size) => checked(product * size));
            sizes[Array.IndexOf(sizes, -1)] = known > 0 && from.Length % known == 0 ? from.Length / known
                : throw new ShapeException($"{from} does not fit [{string.Join(", ", wanted)}]");
        }
        return [Reshaped(call, ShapeOf(sizes))];
    }

    private static OnnxValue Reshaped(OnnxCall call, Shape shape)
    {
        if (shape.Length != call.Shape(0).Length)
            throw new ShapeException($"{call.Shape(0)} does not fit {shape}");
        return call.Value(0).Constant is { } constant ? constant.Reshaped(shape)
            : shape == call.Shape(0) ? call.Tensor(0)
            : call.Plain(0).Reshape(shape);
    }

    private static OnnxValue[] Flatten(OnnxCall call)
    {
        Shape from = call.Shape(0);
        long given = call.Node.Integer("axis", 1);
        int axis = given == from.Rank ? from.Rank : OnnxCall.Axis(given, from.Rank), rows = 1;
        for (int i = 0; i < axis; i++)
            rows *= from[i];
        return [Reshaped(call, new(rows, rows == 0 ? 0 : from.Length / rows))];
    }

    private static OnnxValue[] Squeeze(OnnxCall call)
    {
        Shape from = call.Shape(0);
        int[]? axes = call.Axes(1, from.Rank);
        if (axes is not null && Array.Exists(axes, axis => from[axis] != 1))
            throw new ShapeException($"axes {string.Join(", ", axes)} of {from} are not all of size 1");
        return [Reshaped(call, new([.. from.Sizes.ToArray().Where((size, i) => axes is null ? size != 1 : !axes.Contains(i))]))];
    }

    private static OnnxValue[] Unsqueeze(OnnxCall call)
    {
        Shape from = call.Shape(0);
        long[] given = call.OptionalConstant(1)?.Integers ?? call.Node.Integers("axes") ?? throw new ShapeException("it has no axes");
        int rank = from.Rank + given.Length, next = 0;
        HashSet<int> axes = [.. given.Select(axis => OnnxCall.Axis(axis, rank))];
        if (axes.Count != given.Length)
            throw new ShapeException($"axes [{string.Join(", ", given)}] are not all different");
        int[] sizes = from.Sizes.ToArray();
        return [Reshaped(call, new([.. Enumerable.Range(0, rank).Select(i => axes.Contains(i) ? 1 : sizes[next++])]))];
    }

    private static OnnxValue[] Transpose(OnnxCall call)
    {
        Shape from = call.Shape(0);
        int[] order = call.Node.Integers("perm") is { } given
            ? [.. given.Select(axis => OnnxCall.Axis(axis, from.Rank))]
            : [.. Enumerable.Range(0, from.Rank).Reverse()];
        if (order.Length != from.Rank || order.Distinct().Count() != order.Length)
            throw new ShapeException($"[{string.Join(", ", order)}] is no order of the axes of {from}");
        return [call.Value(0).Constant is { } constant ? Transposed(constant, order) : call.Plain(0).Transpose(order)];
    }

    public static OnnxConstant Transposed(OnnxConstant x, int[] order)
    {
        int[] strides = Strides(x.Shape);
        Shape shape = new([.. order.Select(axis => x.Shape[axis])]);
        return x.Picked(shape, position =>
        {
            int at = 0;
            for (int i = order.Length - 1; i >= 0; i--)
            {
                (position, int index) = Math.DivRem(position, shape[i]);
                at += index * strides[order[i]];
            }
            return at;
        });
    }

    private static OnnxValue[] Concat(OnnxCall call)
    {
        int count = call.Count, axis = OnnxCall.Axis(call.Node.Integer("axis", 1), call.Shape(0).Rank);
        OnnxValue[] parts = [.. Enumerable.Range(0, count).Select(call.Value)];
        if (Array.TrueForAll(parts, part => part.Constant is not null))
            return [Concatenated([.. parts.Select(part => part.Constant!)], axis)];
        if (axis == 1 && Array.TrueForAll(parts, part => part.Shape.Rank == 4) && Array.Exists(parts, part => part.IsActivation))
            return [ChannelOps.ConcatChannels([.. Enumerable.Range(0, count).Select(call.Activation)])];
        return [ShapeOps.Concat([.. Enumerable.Range(0, count).Select(call.Plain)], axis)];
    }

    private static OnnxConstant Concatenated(OnnxConstant[] parts, int axis)
    {
        Shape first = parts[0].Shape;
        int[] sizes = first.Sizes.ToArray();
        sizes[axis] = parts.Sum(part => part.Shape[axis]);
        Shape shape = new(sizes);
        int inner = sizes[(axis + 1)..].Aggregate(1, (product, size) => product * size);
        int outer = sizes[..axis].Aggregate(1, (product, size) => product * size);
        bool isFloat = Array.Exists(parts, part => part.IsFloat);
        float[] floats = new float[isFloat ? shape.Length : 0];
        long[] integers = new long[isFloat ? 0 : shape.Length];
        int at = 0;
        for (int o = 0; o < outer; o++)
            foreach (OnnxConstant part in parts)
            {
                int run = part.Shape[axis] * inner;
                if (part.Length != run * outer)
                    throw new ShapeException($"{part.Shape} does not fit {first}");
                if (isFloat)
                    part.Floats.AsSpan(o * run, run).CopyTo(floats.AsSpan(at));
                else
                    part.Integers.AsSpan(o * run, run).CopyTo(integers.AsSpan(at));
                at += run;
            }
        return isFloat ? OnnxConstant.Of(shape, floats) : OnnxConstant.Of(shape, integers);
    }

    private static OnnxValue[] Split(OnnxCall call)
    {
        int axis = OnnxCall.Axis(call.Node.Integer("axis", 0), call.Shape(0).Rank), size = call.Shape(0)[axis];
        if (call.Node.Integer("num_outputs", 1) is < 1 or > 1 << 16)
            throw new ShapeException($"{call.Node.Integer("num_outputs", 1)} parts");
        int parts = (int)call.Node.Integer("num_outputs", call.Node.Outputs.Length), whole = (size + parts - 1) / Math.Max(1, parts);
        long[] sizes = call.OptionalConstant(1)?.Integers ?? call.Node.Integers("split")
            ?? [.. Enumerable.Range(0, parts).Select(i => (long)Math.Clamp(size - i * whole, 0, whole))];
        if (sizes.Sum() != size || Array.Exists(sizes, part => part < 0))
            throw new ShapeException($"parts of [{string.Join(", ", sizes)}] for axis {axis} of {call.Shape(0)}");
        int at = 0;
        List<OnnxValue> results = [];
        foreach (long part in sizes)
        {
            results.Add(Selected(call, axis, [.. Enumerable.Range(at, (int)part)], results.Count));
            at += (int)part;
        }
        return [.. results];
    }

    private static OnnxValue[] Slice(OnnxCall call)
    {
        Shape from = call.Shape(0);
        long[] starts = call.OptionalConstant(1)?.Integers ?? call.Node.Integers("starts") ?? throw new ShapeException("it has no starts");
        long[] ends = call.OptionalConstant(2)?.Integers ?? call.Node.Integers("ends") ?? throw new ShapeException("it has no ends");
        long[] axes = call.OptionalConstant(3)?.Integers ?? call.Node.Integers("axes")
            ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        long[] steps = call.OptionalConstant(4)?.Integers ?? [.. starts.Select(_ => 1L)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw new ShapeException("starts, ends, axes and steps differ in number");
        OnnxValue value = call.Value(0);
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = OnnxCall.Axis(axes[i], from.Rank), size = from[axis];
            int[] indices = Indices(starts[i], ends[i], steps[i], size);
            if (indices.Length != size || steps[i] != 1)
                value = Selected(call, value, axis, indices);
        }
        return [value.Tensor is { } tensor ? tensor : value];
    }

    private static int[] Indices(long start, long end, long step, int size)
    {
        if (step == 0)
            throw new ShapeException("a slice has step 0");
        long first = start < 0 ? start + size : start, last = end < 0 ? end + size : end;
        (first, last) = step > 0
            ? (Math.Clamp(first, 0, size), Math.Clamp(last, 0, size))
            : (Math.Clamp(first, -1, size - 1), Math.Clamp(last, -1, size - 1));
        List<int> indices = [];
        step = Math.Clamp(step, -size - 1, size + 1L);
        for (long i = first; step > 0 ? i < last : i > last; i += step)
            indices.Add((int)i);
        return [.. indices];
    }

    private static OnnxValue[] Gather(OnnxCall call)
    {
        Shape from = call.Shape(0);
        int axis = OnnxCall.Axis(call.Node.Integer("axis", 0), from.Rank);
        OnnxConstant indices = call.Constant(1);
        int[] at = [.. indices.Integers.Select(index => index >= -from[axis] && index < from[axis]
            ? (int)(index < 0 ? index + from[axis] : index)
            : throw new ShapeException($"there is no index {index} on axis {axis} of {from}"))];
        OnnxValue picked = Selected(call, axis, at);
        if (indices.Shape.Rank == 1)
            return [picked];
        Shape shape = new([.. from.Sizes[..axis], .. indices.Shape.Sizes, .. from.Sizes[(axis + 1)..]]);
        return [picked.Constant is { } constant ? constant.Reshaped(shape) : picked.Tensor!.ToPlain().Reshape(shape)];
    }

    private static OnnxValue Selected(OnnxCall call, int axis, int[] indices, int part = 0) =>
        Selected(call, call.Value(0), axis, indices, part);

    private static OnnxValue Selected(OnnxCall call, OnnxValue value, int axis, int[] indices, int part = 0)
    {
        if (value.Constant is { } constant)
        {
            int[] strides = Strides(constant.Shape), sizes = constant.Shape.Sizes.ToArray();
            int inner = strides[axis], size = sizes[axis];
            sizes[axis] = indices.Length;
            return constant.Picked(new(sizes), position =>
            {
                (position, int i) = Math.DivRem(position, inner);
                (int outer, int index) = Math.DivRem(position, indices.Length);
                return (outer * size + indices[index]) * inner + i;
            });
        }
        Tensor x = value.Tensor!;
        int[] results = x.Shape.Sizes.ToArray();
        results[axis] = indices.Length;
        Sizing.Checked(new(results));
        return axis == 1 && value.IsActivation && indices.Length > 0
            ? ChannelOps.SelectChannels([x], indices)
            : call.Mapped(x, axis, () => AxisMap.Select(value.Shape[axis], indices), part);
    }

    private static OnnxValue[] Expand(OnnxCall call)
    {
        Shape shape = Folding.Broadcast(call.Shape(0), ShapeOf(call.Constant(1).Integers));
        return [call.Value(0).Constant is { } constant ? Folding.Expanded(constant, shape)
            : shape == call.Shape(0) ? call.Tensor(0)
            : call.Plain(0).Expand(Sizing.Checked(shape))];
    }

    private static OnnxValue[] Tile(OnnxCall call)
    {
        Shape from = call.Shape(0);
        long[] repeats = call.Constant(1).Integers;
        if (repeats.Length != from.Rank || Array.Exists(repeats, r => r is < 0 or > int.MaxValue))
            throw new ShapeException($"repeats [{string.Join(", ", repeats)}] for {from}");
        Sizing.Checked(new([.. from.Sizes.ToArray().Zip(repeats, (size, r) => checked((int)(size * r)))]));
        OnnxValue value = call.Value(0);
        foreach (var (axis, count) in repeats.Index().Where(r => r.Item != 1))
        {
            int size = from[axis];
            value = Selected(call, value, axis, [.. Enumerable.Range(0, (int)count * size).Select(i => i % size)]);
        }
        return [value.Tensor is { } tensor ? tensor : value];
    }

    /// <summary>[N, b·b·C, H, W] to [N, C, b·H, b·W], the block's position before or after the channel (mode DCR or CRD).</summary>
    private static OnnxValue[] DepthToSpace(OnnxCall call)
    {
        Shape x = call.Shape(0);
        int b = Block(call, x), c = x[1] / (b * b);
        if (x[1] % (b * b) != 0)
            throw new ShapeException($"{x[1]} channels for blocks of {b}×{b}");
        Tensor y = call.Node.Text("mode", "DCR") == "CRD"
            ? call.Plain(0).Reshape(new(x[0], c, b, b, x[2], x[3])).Transpose(0, 1, 4, 2, 5, 3)
            : call.Plain(0).Reshape(new(x[0], b, b, c, x[2], x[3])).Transpose(0, 3, 4, 1, 5, 2);
        return [y.Reshape(new(x[0], c, x[2] * b, x[3] * b))];
    }

    private static OnnxValue[] SpaceToDepth(OnnxCall call)
    {
        Shape x = call.Shape(0);
        int b = Block(call, x);
        if (x[2] % b != 0 || x[3] % b != 0)
            throw new ShapeException($"{x} for blocks of {b}×{b}");
        return [call.Plain(0).Reshape(new(x[0], x[1], x[2] / b, b, x[3] / b, b)).Transpose(0, 3, 5, 1, 2, 4)
            .Reshape(new(x[0], x[1] * b * b, x[2] / b, x[3] / b))];
    }

    private static int Block(OnnxCall call, Shape x) => x.Rank == 4 && call.Node.Integer("blocksize", 0) is >= 1 and <= 1024 and var block
        ? (int)block
        : throw new ShapeException($"no block size for {x}");

    /// <summary>Reshape to [N, g, C/g, H, W], exchange of the two, Reshape back: a permutation of the channels.</summary>
    private static OnnxValue[] ChannelShuffle(OnnxCall call)
    {
        Shape x = call.Shape(0);
        long[] apart = call.Constant(1).Integers, back = call.Constant(2).Integers;
        if (x.Rank != 4 || apart.Length != 5 || apart[1] <= 0 || x[1] % apart[1] != 0 || back.Length != 4)
            throw new ShapeException($"{x} by [{string.Join(", ", apart)}] is no shuffle of channels");
        int groups = (int)apart[1], each = x[1] / groups;
        int[] order = [.. Enumerable.Range(0, x[1]).Select(i => i % groups * each + i / groups)];
        return [ChannelOps.SelectChannels([call.Activation(0)], order)];
    }

    private static int[] Strides(Shape shape)
    {
        int[] strides = new int[shape.Rank];
        int step = 1;
        for (int i = shape.Rank - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= shape[i];
        }
        return strides;
    }

    private static Shape ShapeOf(long[] sizes) => Array.TrueForAll(sizes, size => size is >= 0 and <= int.MaxValue)
        ? new([.. sizes.Select(size => (int)size)])
        : throw new ShapeException($"[{string.Join(", ", sizes)}] is no shape");
}
