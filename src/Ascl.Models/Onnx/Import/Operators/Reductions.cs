using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Sums, means and extremes over axes, and softmax.</summary>
internal static class Reductions
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["ReduceMean"] = ReduceMean,
        ["ReduceSum"] = Over((x, axes, keep) => x.SumOver(axes, keep)),
        ["ReduceMax"] = Over((x, axes, keep) => x.MaxOver(axes, keep)),
        ["ReduceMin"] = Over((x, axes, keep) => x.MinOver(axes, keep)),
        ["ReduceL1"] = Over((x, axes, keep) => x.Abs().SumOver(axes, keep)),
        ["ReduceL2"] = Over((x, axes, keep) => x.Square().SumOver(axes, keep).Sqrt()),
        ["ReduceSumSquare"] = Over((x, axes, keep) => x.Square().SumOver(axes, keep)),
        ["ReduceLogSum"] = Over((x, axes, keep) => x.SumOver(axes, keep).Log()),
        ["ReduceLogSumExp"] = Over(LogSumExp),
        ["Softmax"] = Softmax((x, axis) => x.Softmax(axis)),
        ["LogSoftmax"] = Softmax((x, axis) => x.LogSoftmax(axis)),
        ["ArgMax"] = ArgMax,
    };

    /// <summary>The mean over all pixels of an activation is global average pooling.</summary>
    private static OnnxValue[] ReduceMean(OnnxCall call)
    {
        Shape shape = call.Shape(0);
        if (call.Value(0).IsActivation && call.Axes(1, 4) is [2, 3])
        {
            Tensor mean = call.Tensor(0).GlobalAveragePool();
            return [call.Node.Integer("keepdims", 1) != 0 ? mean.Reshape(new(shape[0], shape[1], 1, 1)) : mean];
        }
        return Over((x, axes, keep) => x.MeanOver(axes, keep))(call);
    }

    private static OnnxOperator Over(Func<Tensor, int[], bool, Tensor> reduce) => call =>
    {
        Tensor x = call.Plain(0);
        int[] axes = call.Axes(1, x.Shape.Rank) ?? [];
        if (axes.Length == 0)
        {
            if (call.Node.Integer("noop_with_empty_axes", 0) != 0)
                return [x];
            axes = [.. Enumerable.Range(0, x.Shape.Rank)];
        }
        return [reduce(x, axes, call.Node.Integer("keepdims", 1) != 0)];
    };

    /// <summary>log Σ exp(x − max) + max, the maximum taken as a constant.</summary>
    private static Tensor LogSumExp(Tensor x, int[] axes, bool keep)
    {
        Tensor most = x.MaxOver(axes, keepDims: true).Detach();
        Tensor sum = x.Subtract(most).Exp().SumOver(axes, keepDims: true).Log().Add(most);
        return keep ? sum : sum.Reshape(new([.. sum.Shape.Sizes.ToArray().Where((_, i) => !axes.Contains(i))]));
    }

    /// <summary>Up to operator set 12, all axes from the given one on are taken as one.</summary>
    private static OnnxOperator Softmax(Func<Tensor, int, Tensor> softmax) => call =>
    {
        Tensor x = call.Plain(0);
        int rank = x.Shape.Rank, axis = OnnxCall.Axis(call.Node.Integer("axis", call.Opset < 13 ? 1 : -1), rank);
        if (call.Opset >= 13 || axis == rank - 1)
            return [softmax(x, axis)];
        int rows = 1;
        for (int i = 0; i < axis; i++)
            rows *= x.Shape[i];
        return [softmax(x.Reshape(new(rows, x.Shape.Length / Math.Max(1, rows))), 1).Reshape(x.Shape)];
    };

    /// <summary>The position of the maximum, which has no gradient: zero where it is used.</summary>
    private static OnnxValue[] ArgMax(OnnxCall call)
    {
        Tensor x = call.Plain(0).Detach();
        int rank = x.Shape.Rank, axis = OnnxCall.Axis(call.Node.Integer("axis", 0), rank);
        Tensor isMost = BroadcastingOps.Compare(x, x.MaxOver([axis], keepDims: true), Comparison.Equal);
        // The first among equals: the smallest position whose value is the maximum.
        float[] positions = [.. Enumerable.Range(0, x.Shape[axis]).Select(i => (float)i)];
        int[] sizes = [.. Enumerable.Range(0, rank).Select(i => i == axis ? x.Shape[axis] : 1)];
        Tensor at = Tensor.FromArray(call.Device, new(sizes), positions);
        Tensor far = Tensor.FromArray(call.Device, new([.. sizes.Select(_ => 1)]), [x.Shape[axis]]);
        return [BroadcastingOps.Where(isMost, at, far).MinOver([axis], call.Node.Integer("keepdims", 1) != 0)];
    }
}
