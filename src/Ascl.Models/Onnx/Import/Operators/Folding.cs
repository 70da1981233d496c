using Ascl.Autograd;
using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Operators on constants, computed on the host: what exporters write to compute sizes.</summary>
internal static class Folding
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Add"] = Binary((a, b) => a + b, (a, b) => a + b),
        ["Sub"] = Binary((a, b) => a - b, (a, b) => a - b),
        ["Mul"] = Binary((a, b) => a * b, (a, b) => a * b),
        ["Div"] = Binary((a, b) => a / b, (a, b) => b == 0 ? throw new ShapeException("an integer is divided by 0") : b == -1 ? -a : a / b),
        ["Mod"] = Mod,
        ["Pow"] = Binary(Math.Pow, (a, b) => (long)Math.Pow(a, b)),
        ["Max"] = Binary(Math.Max, Math.Max),
        ["Min"] = Binary(Math.Min, Math.Min),
        ["Equal"] = Comparison((a, b) => a == b),
        ["Less"] = Comparison((a, b) => a < b),
        ["LessOrEqual"] = Comparison((a, b) => a <= b),
        ["Greater"] = Comparison((a, b) => a > b),
        ["GreaterOrEqual"] = Comparison((a, b) => a >= b),
        ["And"] = Comparison((a, b) => a != 0 && b != 0),
        ["Or"] = Comparison((a, b) => a != 0 || b != 0),
        ["Xor"] = Comparison((a, b) => (a != 0) != (b != 0)),
        ["Neg"] = Unary(a => -a, a => -a),
        ["Abs"] = Unary(Math.Abs, a => a == long.MinValue ? long.MaxValue : Math.Abs(a)),
        ["Sign"] = Unary(a => Math.Sign(a), a => Math.Sign(a)),
        ["Not"] = Unary(a => a == 0 ? 1 : 0, a => a == 0 ? 1 : 0),
        ["Sqrt"] = Unary(Math.Sqrt, a => a),
        ["Exp"] = Unary(Math.Exp, a => a),
        ["Log"] = Unary(Math.Log, a => a),
        ["Reciprocal"] = Unary(a => 1 / a, a => a),
        ["Floor"] = Unary(Math.Floor, a => a),
        ["Ceil"] = Unary(Math.Ceiling, a => a),
        ["Round"] = Unary(a => Math.Round(a, MidpointRounding.ToEven), a => a),
        ["Where"] = Where,
        ["Cast"] = Cast,
        ["CastLike"] = call => [call.Constant(1).IsFloat ? AsFloat(call.Constant(0)) : AsInteger(call.Constant(0))],
        ["Identity"] = call => [call.Constant(0)],
        ["Range"] = Range,
        ["ReduceProd"] = Reduce((a, b) => a * b, 1),
        ["ReduceSum"] = Reduce((a, b) => a + b, 0),
        ["ReduceMax"] = Reduce(Math.Max, double.NegativeInfinity),
        ["ReduceMin"] = Reduce(Math.Min, double.PositiveInfinity),
        ["NonZero"] = NonZero,
        ["ScatterND"] = ScatterNd,
        ["Clip"] = Clip,
    };

    public static OnnxConstant AsFloat(OnnxConstant x) => x.IsFloat ? x : OnnxConstant.Of(x.Shape, x.Floats);

    public static OnnxConstant AsInteger(OnnxConstant x) => x.IsFloat ? OnnxConstant.Of(x.Shape, x.Integers) : x;

    /// <summary>The shape that shapes broadcast to by NumPy's rules.</summary>
    public static Shape Broadcast(Shape a, Shape b)
    {
        int[] sizes = new int[Math.Max(a.Rank, b.Rank)];
        for (int i = 1; i <= sizes.Length; i++)
        {
            int own = i <= a.Rank ? a[a.Rank - i] : 1, other = i <= b.Rank ? b[b.Rank - i] : 1;
            sizes[^i] = own == other || other == 1 ? own
                : own == 1 ? other
                : throw new ShapeException($"shapes {a} and {b} do not broadcast");
        }
        return new(sizes);
    }

    /// <summary>The values of a constant repeated to a shape that it broadcasts to.</summary>
    public static OnnxConstant Expanded(OnnxConstant x, Shape shape)
    {
        if (x.Shape == shape)
            return x;
        return x.Picked(shape, position =>
        {
            int at = 0, step = 1;
            for (int i = 1; i <= shape.Rank; i++)
            {
                (position, int index) = Math.DivRem(position, shape[shape.Rank - i]);
                if (i > x.Shape.Rank)
                    continue;
                at += x.Shape[x.Shape.Rank - i] == 1 ? 0 : index * step;
                step *= x.Shape[x.Shape.Rank - i];
            }
            return at;
        });
    }

    private static OnnxOperator Binary(Func<double, double, double> floats, Func<long, long, long> integers) => call =>
    {
        OnnxConstant result = call.Constant(0);
        for (int i = 1; i < call.Count; i++)
        {
            OnnxConstant next = call.Constant(i);
            Shape shape = Broadcast(result.Shape, next.Shape);
            var (a, b) = (Expanded(result, shape), Expanded(next, shape));
            result = a.IsFloat || b.IsFloat
                ? OnnxConstant.Of(shape, [.. a.Floats.Zip(b.Floats, (x, y) => (float)floats(x, y))])
                : OnnxConstant.Of(shape, [.. a.Integers.Zip(b.Integers, integers)]);
        }
        return [result];
    };

    /// <summary>The remainder, with the sign of the divisor, or with fmod that of the dividend, as of all floats.</summary>
    private static OnnxValue[] Mod(OnnxCall call)
    {
        bool isOfDividend = call.Node.Integer("fmod", 0) != 0;
        return Binary((a, b) => a % b, (a, b) => b == 0 ? throw new ShapeException("an integer is divided by 0")
            : b == -1 ? 0
            : isOfDividend ? a % b
            : ((a % b) + b) % b)(call);
    }

    private static OnnxOperator Comparison(Func<double, double, bool> holds) => call =>
    {
        Shape shape = Broadcast(call.Shape(0), call.Shape(1));
        double[] a = Expanded(call.Constant(0), shape).Doubles, b = Expanded(call.Constant(1), shape).Doubles;
        return [OnnxConstant.Of(shape, [.. a.Zip(b, (x, y) => holds(x, y) ? 1L : 0L)])];
    };

    private static OnnxOperator Unary(Func<double, double> floats, Func<long, long> integers) => call =>
    {
        OnnxConstant x = call.Constant(0);
        return
        [
            x.IsFloat ? OnnxConstant.Of(x.Shape, Array.ConvertAll(x.Floats, value => (float)floats(value)))
                : OnnxConstant.Of(x.Shape, Array.ConvertAll(x.Integers, value => integers(value))),
        ];
    };

    private static OnnxValue[] Where(OnnxCall call)
    {
        Shape shape = Broadcast(Broadcast(call.Shape(0), call.Shape(1)), call.Shape(2));
        long[] holds = Expanded(call.Constant(0), shape).Integers;
        OnnxConstant a = Expanded(call.Constant(1), shape), b = Expanded(call.Constant(2), shape);
        return
        [
            a.IsFloat || b.IsFloat
                ? OnnxConstant.Of(shape, [.. holds.Select((h, i) => h != 0 ? a.Floats[i] : b.Floats[i])])
                : OnnxConstant.Of(shape, [.. holds.Select((h, i) => h != 0 ? a.Integers[i] : b.Integers[i])]),
        ];
    }

    private static OnnxValue[] Cast(OnnxCall call)
    {
        OnnxConstant x = call.Constant(0);
        return
        [
            call.Node.Integer("to", 1) switch
            {
                1 or 10 or 11 or 16 => AsFloat(x),
                9 => OnnxConstant.Of(x.Shape, Array.ConvertAll(x.Floats, value => value != 0 ? 1L : 0L)),
                _ => AsInteger(x),
            },
        ];
    }

    private static OnnxValue[] Range(OnnxCall call)
    {
        OnnxConstant start = call.Constant(0), limit = call.Constant(1), delta = call.Constant(2);
        double count = Math.Ceiling((limit.Float - (double)start.Float) / delta.Float);
        if (!(count <= OnnxConstant.MostComputed))
            throw new ShapeException($"a range of {count} numbers: is a size damaged?");
        IEnumerable<int> all = Enumerable.Range(0, (int)Math.Max(0, count));
        if (!start.IsFloat)
            return [OnnxConstant.Of([.. all.Select(i => start.Integer + i * delta.Integer)])];
        float[] values = [.. all.Select(i => start.Float + i * delta.Float)];
        return [OnnxConstant.Of(new Shape(values.Length), values)];
    }

    private static OnnxOperator Reduce(Func<double, double, double> combine, double start) => call =>
    {
        OnnxConstant x = call.Constant(0);
        int[] axes = call.Axes(1, x.Shape.Rank) ?? [.. Enumerable.Range(0, x.Shape.Rank)];
        int[] kept = [.. Enumerable.Range(0, x.Shape.Rank).Select(i => axes.Contains(i) ? 1 : x.Shape[i])];
        Shape shape = new(kept);
        double[] sums = [.. Enumerable.Repeat(start, shape.Length)];
        // The position of each value's result: the same walk as broadcasting the results to the values.
        OnnxConstant positions = Expanded(OnnxConstant.Of(shape, [.. Enumerable.Range(0, shape.Length).Select(i => (long)i)]), x.Shape);
        foreach (var (i, at) in positions.Integers.Index())
            sums[at] = combine(sums[at], x.Floats[i]);
        if (call.Node.Integer("keepdims", 1) == 0)
            shape = new([.. x.Shape.Sizes.ToArray().Where((_, i) => !axes.Contains(i))]);
        return
        [
            x.IsFloat ? OnnxConstant.Of(shape, [.. sums.Select(s => (float)s)]) : OnnxConstant.Of(shape, [.. sums.Select(s => (long)s)]),
        ];
    };

    private static OnnxValue[] NonZero(OnnxCall call)
    {
        OnnxConstant x = call.Constant(0);
        int[] at = [.. Enumerable.Range(0, x.Length).Where(i => x.Floats[i] != 0)];
        long[] indices = new long[x.Shape.Rank * at.Length];
        foreach (var (column, position) in at.Index())
        {
            int rest = position;
            for (int axis = x.Shape.Rank - 1; axis >= 0; axis--)
            {
                (rest, int index) = Math.DivRem(rest, x.Shape[axis]);
                indices[axis * at.Length + column] = index;
            }
        }
        return [OnnxConstant.Of(new Shape(x.Shape.Rank, at.Length), indices)];
    }

    /// <summary>A copy of the data with slices replaced by the updates, each at the position that the last axis of the indices
    /// gives.</summary>
    private static OnnxValue[] ScatterNd(OnnxCall call)
    {
        OnnxConstant data = call.Constant(0), indices = call.Constant(1), updates = call.Constant(2);
        int depth = indices.Shape.Rank == 0 ? 0 : indices.Shape[indices.Shape.Rank - 1];
        if (depth < 1 || depth > data.Shape.Rank || call.Node.Text("reduction", "none") != "none")
            throw new ShapeException($"indices {indices.Shape} for {data.Shape}");
        int slice = 1;
        for (int axis = depth; axis < data.Shape.Rank; axis++)
            slice *= data.Shape[axis];
        if (updates.Length != indices.Length / depth * slice)
            throw new ShapeException($"updates {updates.Shape} for indices {indices.Shape} into {data.Shape}");
        // Each value of the result is one of the data or of the updates: their number, counted on behind the data's.
        int[] from = [.. Enumerable.Range(0, data.Length)];
        long[] at = indices.Integers;
        for (int row = 0; row < at.Length / depth; row++)
        {
            int position = 0;
            for (int axis = 0; axis < depth; axis++)
            {
                long index = at[row * depth + axis], size = data.Shape[axis];
                if (index < -size || index >= size)
                    throw new ShapeException($"there is no index {index} on axis {axis} of {data.Shape}");
                position = position * (int)size + (int)(index < 0 ? index + size : index);
            }
            for (int i = 0; i < slice; i++)
                from[position * slice + i] = data.Length + row * slice + i;
        }
        return
        [
            data.IsFloat
                ? OnnxConstant.Of(data.Shape, Merged(data.Floats, updates.Floats))
                : OnnxConstant.Of(data.Shape, Merged(data.Integers, updates.Integers)),
        ];

        T[] Merged<T>(T[] own, T[] others) => Array.ConvertAll(from, i => i < own.Length ? own[i] : others[i - own.Length]);
    }

    private static OnnxValue[] Clip(OnnxCall call)
    {
        OnnxConstant x = call.Constant(0);
        if (x.IsFloat)
        {
            float low = call.OptionalConstant(1)?.Float ?? call.Node.Float("min", float.NegativeInfinity);
            float high = call.OptionalConstant(2)?.Float ?? call.Node.Float("max", float.PositiveInfinity);
            return [OnnxConstant.Of(x.Shape, Array.ConvertAll(x.Floats, value => Math.Min(Math.Max(value, low), high)))];
        }
        long least = call.OptionalConstant(1)?.Integer ?? long.MinValue, most = call.OptionalConstant(2)?.Integer ?? long.MaxValue;
        return [OnnxConstant.Of(x.Shape, Array.ConvertAll(x.Integers, value => Math.Min(Math.Max(value, least), most)))];
    }
}
