using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Padding and resampling: linear maps along one axis after another.</summary>
internal static class Resizing
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Pad"] = Pad,
        ["Resize"] = Resize,
        ["Upsample"] = Resize,
    };

    private static OnnxValue[] Pad(OnnxCall call)
    {
        Shape shape = call.Shape(0);
        long[] pads = call.OptionalConstant(1)?.Integers ?? call.Node.Integers("pads") ?? throw new ShapeException("it has no pads");
        int[] axes = call.Axes(3, shape.Rank) ?? [.. Enumerable.Range(0, shape.Rank)];
        if (pads.Length != 2 * axes.Length || Array.Exists(pads, pad => Math.Abs(pad) >= 1 << 16))
            throw new ShapeException($"pads [{string.Join(", ", pads)}] for {axes.Length} axes");
        string mode = call.Node.Text("mode", "constant");
        float value = call.OptionalConstant(2)?.Float ?? call.Node.Float("value", 0);
        int[] before = new int[shape.Rank], after = new int[shape.Rank];
        foreach (var (i, axis) in axes.Index())
            (before[axis], after[axis]) = ((int)pads[i], (int)pads[axes.Length + i]);
        Sizing.Checked(new([.. Enumerable.Range(0, shape.Rank).Select(i => Math.Max(0, shape[i] + before[i] + after[i]))]));
        if (Array.TrueForAll(before, pad => pad == 0) && Array.TrueForAll(after, pad => pad == 0))
            return [call.Tensor(0)];
        if (mode == "constant" && value == 0 && shape.Rank == 4 && call.Tensor(0).Layout != TensorLayout.Plain
            && (before[0], before[1], after[0], after[1]) == (0, 0, 0, 0))
            return [call.Tensor(0).Pad2d(before[2], before[3], after[2], after[3])];
        PadMode how = mode switch
        {
            "constant" => PadMode.Constant,
            "reflect" => PadMode.Reflect,
            "edge" => PadMode.Edge,
            "wrap" => PadMode.Wrap,
            _ => throw new ShapeException($"there is no padding mode {mode}"),
        };
        // Padding is with 0, so another value is taken off before and added after.
        Tensor x = value == 0 ? call.Plain(0) : call.Plain(0).AddScalar(-value);
        for (int axis = 0; axis < shape.Rank; axis++)
            if (before[axis] != 0 || after[axis] != 0)
            {
                int size = shape[axis], first = before[axis], last = after[axis];
                x = call.Mapped(x, axis, () => AxisMap.Pad(size, first, last, how));
            }
        return [value == 0 ? x : x.AddScalar(value)];
    }

    private static OnnxValue[] Resize(OnnxCall call)
    {
        Shape shape = call.Shape(0);
        OnnxNode node = call.Node;
        bool isOld = node.Type == "Upsample" || call.Opset < 11;
        int sizesAt = 3, scalesAt = isOld ? 1 : 2;
        int[] axes = [.. Enumerable.Range(0, shape.Rank)];
        if (node.Integers("axes") is { } given)
            axes = [.. given.Select(axis => OnnxCall.Axis(axis, shape.Rank))];
        float[] scales = call.OptionalConstant(scalesAt)?.Floats ?? node.Attributes.GetValueOrDefault("scales")?.Floats ?? [];
        long[] sizes = isOld ? [] : call.OptionalConstant(sizesAt)?.Integers ?? [];
        if ((scales.Length == 0) == (sizes.Length == 0) || scales.Length + sizes.Length != axes.Length)
            throw new ShapeException($"{scales.Length} scales and {sizes.Length} sizes for {axes.Length} axes");
        if (node.Text("keep_aspect_ratio_policy", "stretch") != "stretch" || node.Integer("antialias", 0) != 0)
            throw new ShapeException("keep_aspect_ratio_policy and antialias are not supported");
        Resampling how = new(node.Text("mode", "nearest"), isOld ? "asymmetric" : node.Text("coordinate_transformation_mode", "half_pixel"),
            isOld ? "floor" : node.Text("nearest_mode", "round_prefer_floor"), node.Float("cubic_coeff_a", -0.75f),
            node.Integer("exclude_outside", 0) != 0);
        Tensor x = call.Plain(0);
        foreach (var (i, axis) in axes.Index())
        {
            int from = shape[axis];
            double length = sizes.Length > 0 ? sizes[i] : Math.Floor(from * (double)scales[i]);
            if (!(length is >= 1 and < 1 << 16))
                throw new ShapeException($"axis {axis} of {shape} would have {length} pixels");
            int to = (int)length;
            double scale = sizes.Length > 0 ? to / (double)from : scales[i];
            if (to == from && scale == 1)
                continue;
            Sizing.Checked(new([.. x.Shape.Sizes.ToArray().Select((size, a) => a == axis ? to : size)]));
            x = call.Mapped(x, axis, () => AxisMap.Of(from, [.. Enumerable.Range(0, to).Select(o => how.Row(o, from, to, scale))]));
        }
        return [x];
    }

    /// <summary>How a resampled pixel is made of those before.</summary>
    private sealed record Resampling(string Mode, string Coordinates, string Rounding, float CubicA, bool ExcludeOutside)
    {
        /// <summary>The pixels that pixel <paramref name="output"/> is made of, and their weights.</summary>
        public (int Index, float Weight)[] Row(int output, int from, int to, double scale)
        {
            double at = Coordinates switch
            {
                "half_pixel" => (output + 0.5) / scale - 0.5,
                "half_pixel_symmetric" => from / 2.0 * (1 - to / (scale * from)) + (output + 0.5) / scale - 0.5,
                "pytorch_half_pixel" => to > 1 ? (output + 0.5) / scale - 0.5 : 0,
                "align_corners" => to > 1 ? output * (from - 1.0) / (to - 1) : 0,
                "asymmetric" => output / scale,
                _ => throw new ShapeException($"there is no coordinate_transformation_mode {Coordinates} here"),
            };
            return Mode switch
            {
                "nearest" => [(Within(Nearest(at), from), 1)],
                "linear" => Weighted(at, from, 0, 1, distance => 1 - distance),
                "cubic" => Weighted(at, from, -1, 2, Cubic),
                _ => throw new ShapeException($"there is no mode {Mode}"),
            };
        }

        private double Nearest(double at) => Rounding switch
        {
            "round_prefer_floor" => Math.Ceiling(at - 0.5),
            "round_prefer_ceil" => Math.Floor(at + 0.5),
            "floor" => Math.Floor(at),
            "ceil" => Math.Ceiling(at),
            _ => throw new ShapeException($"there is no nearest_mode {Rounding}"),
        };

        private (int, float)[] Weighted(double at, int from, int first, int last, Func<double, double> weight)
        {
            double floor = Math.Floor(at);
            Dictionary<int, double> weights = [];
            double sum = 0;
            for (int i = first; i <= last; i++)
            {
                double w = weight(Math.Abs(at - floor - i));
                if (ExcludeOutside && (floor + i < 0 || floor + i > from - 1))
                    continue;
                sum += w;
                int index = Within(floor + i, from);
                weights[index] = weights.GetValueOrDefault(index) + w;
            }
            return [.. weights.Where(w => w.Value != 0).Select(w => (w.Key, (float)(ExcludeOutside ? w.Value / sum : w.Value)))];
        }

        /// <summary>Keys' cubic convolution.</summary>
        private double Cubic(double d) => d <= 1
            ? ((CubicA + 2) * d - (CubicA + 3)) * d * d + 1
            : ((CubicA * d - 5 * CubicA) * d + 8 * CubicA) * d - 4 * CubicA;

        private static int Within(double index, int size) => (int)Math.Clamp(index, 0, size - 1);
    }
}
