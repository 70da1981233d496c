using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Layout;
using Ascl.Models.Layers;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Convolution and pooling.</summary>
internal static class Convolutions
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Conv"] = Conv,
        ["ascl.Conv"] = Conv,
        ["ConvTranspose"] = ConvTranspose,
        ["MaxPool"] = MaxPool,
        ["AveragePool"] = AveragePool,
        ["GlobalAveragePool"] = call => [Global(call, x => x.GlobalAveragePool())],
        ["GlobalMaxPool"] = call => [Global(call, x => x.GlobalMaxPool())],
    };

    /// <summary>
    /// Conv, and ascl.Conv, which stands for relu?(norm?(conv(x)) + residual): inputs x, weight, bias, then gamma, beta, mean and variance
    /// of a BatchNorm, then the residual.
    /// </summary>
    private static OnnxValue[] Conv(OnnxCall call)
    {
        Tensor x = call.Tensor(0), weight = call.Tensor(1);
        Tensor? bias = call.Has(2) ? call.Tensor(2) : null, residual = call.Has(7) ? call.Tensor(7) : null;
        Rectifier relu = Rectifier.Of(call.Node);
        BatchNormState? norm = call.Has(3) ? Normalizations.State(call, 3) : null;
        int groups = (int)call.Node.Integer("group", 1);
        Window2d window = Window(call, x.Shape, weight.Shape.Sizes[2..]);
        if (x.Layout == TensorLayout.Plain && norm is null && residual is null && IsLinear(x, weight, window, groups))
        {
            // A layer of a squeeze-and-excitation gate.
            Tensor rows = x.Reshape(new(x.Shape[0], x.Shape[1])).Gemm(weight.Reshape(new(weight.Shape[0], weight.Shape[1])), bias, 1, 1,
                transposeA: false, transposeB: true);
            return [relu.Apply(rows).Reshape(new(x.Shape[0], weight.Shape[0], 1, 1))];
        }
        x = x.Layout == TensorLayout.Plain ? x.ToActivation() : x;
        if (norm is not null && call.IsInference)
        {
            FoldedWeights folded = FoldedWeights.Of(weight, bias, norm, call.Node.Name);
            return [Convolve(x, folded.Weight, folded.Bias, window, groups, residual, relu)];
        }
        return
        [
            norm is null
                ? Convolve(x, weight, bias, window, groups, residual, relu)
                : Normalized(x.Conv2d(weight, bias, window, groups), norm, residual, relu),
        ];
    }

    /// <summary>A residual that has another shape is broadcast, by an addition of its own.</summary>
    private static Tensor Convolve(Tensor x, Tensor weight, Tensor? bias, Window2d window, int groups, Tensor? residual, Rectifier relu)
    {
        Shape y = new(x.Shape[0], weight.Shape[0], window.OutputHeight(x.Shape[2]), window.OutputWidth(x.Shape[3]));
        if (residual is null || residual.Shape == y)
            return x.Conv2d(weight, bias, window, groups, residual is null ? null : OnnxCall.AsActivation(residual), relu.Is, relu.Limit);
        return relu.Apply(Arithmetic.Add(new(x.Conv2d(weight, bias, window, groups)), new(residual)));
    }

    private static Tensor Normalized(Tensor x, BatchNormState norm, Tensor? residual, Rectifier relu)
    {
        bool isPlain = relu.Limit is null;
        if (residual is null || residual.Shape == x.Shape)
        {
            Tensor? added = residual is null ? null : OnnxCall.AsActivation(residual);
            Tensor y = x.BatchNorm(norm, BatchNormMode.Evaluate, added, relu.Is && isPlain);
            return isPlain ? y : relu.Apply(y);
        }
        return relu.Apply(Arithmetic.Add(new(x.BatchNorm(norm, BatchNormMode.Evaluate)), new(residual)));
    }

    /// <summary>The ReLU after a convolution.</summary>
    /// <param name="Is">Whether there is one.</param>
    /// <param name="Limit">Its upper bound; null for none.</param>
    private readonly record struct Rectifier(bool Is, float? Limit)
    {
        public static Rectifier Of(OnnxNode node)
        {
            float limit = node.Float("limit", float.PositiveInfinity);
            return new(node.Integer("relu", 0) != 0, float.IsPositiveInfinity(limit) ? null : limit);
        }

        public Tensor Apply(Tensor x) => !Is ? x : Limit is { } limit ? x.Clip(0, limit) : x.Relu();
    }

    private static bool IsLinear(Tensor x, Tensor weight, Window2d window, int groups) =>
        groups == 1 && x.Shape[2] == 1 && x.Shape[3] == 1 && window == new Window2d(1, 1, window.StrideY, window.StrideX)
        && weight.Shape[1] == x.Shape[1];

    private static OnnxValue[] ConvTranspose(OnnxCall call)
    {
        Tensor x = call.Activation(0), weight = call.Tensor(1), y;
        OnnxNode node = call.Node;
        int[] kernel = weight.Shape.Sizes[2..].ToArray();
        int[] strides = Pair(node, "strides"), dilations = Pair(node, "dilations");
        int[] extra = Pair(node, "output_padding", otherwise: 0), pads = Pads(node);
        long[]? wanted = node.Integers("output_shape");
        string auto = node.Text("auto_pad", "NOTSET");
        if (wanted is not null || auto is "SAME_UPPER" or "SAME_LOWER")
        {
            for (int i = 0; i < 2; i++)
            {
                long size = wanted is null ? (long)x.Shape[2 + i] * strides[i] : wanted[wanted.Length - 2 + i];
                int total = checked((int)(strides[i] * (x.Shape[2 + i] - 1L) + extra[i] + (kernel[i] - 1L) * dilations[i] + 1 - size));
                if (total < 0)
                    (extra[i], total) = (extra[i] - total, 0);
                (pads[i], pads[2 + i]) = auto == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2);
            }
        }
        Window2d window = new(kernel[0], kernel[1], strides[0], strides[1], pads[0], pads[1], pads[2], pads[3], dilations[0], dilations[1]);
        long height = (x.Shape[2] - 1L) * strides[0] + kernel[0], width = (x.Shape[3] - 1L) * strides[1] + kernel[1];
        Sizing.Checked(new(x.Shape[0], checked((int)(weight.Shape[1] * node.Integer("group", 1))), checked((int)height),
            checked((int)width)));
        y = x.ConvTranspose2d(weight, call.Has(2) ? call.Tensor(2) : null, window, (int)node.Integer("group", 1), extra[0], extra[1]);
        return [y];
    }

    private static OnnxValue[] MaxPool(OnnxCall call) =>
        [call.Activation(0).MaxPool2d(Window(call, call.Shape(0), Kernel(call)), call.Node.Integer("ceil_mode", 0) != 0)];

    private static OnnxValue[] AveragePool(OnnxCall call) =>
    [
        call.Activation(0).AveragePool2d(Window(call, call.Shape(0), Kernel(call)), call.Node.Integer("ceil_mode", 0) != 0,
            call.Node.Integer("count_include_pad", 0) != 0),
    ];

    private static Tensor Global(OnnxCall call, Func<Tensor, Tensor> pool)
    {
        Shape x = call.Shape(0);
        return x.Rank == 4 ? pool(call.Activation(0)).Reshape(new(x[0], x[1], 1, 1)) : throw Not2d(x);
    }

    private static ReadOnlySpan<int> Kernel(OnnxCall call) => call.Node.Integers("kernel_shape") is { Length: 2 } sizes
        ? (int[])[.. sizes.Select(Size)]
        : throw Not2d(call.Shape(0));

    /// <summary>The window of a node, its padding computed where it is given as "same".</summary>
    private static Window2d Window(OnnxCall call, Shape x, ReadOnlySpan<int> kernel)
    {
        if (x.Rank != 4 || kernel.Length != 2)
            throw Not2d(x);
        OnnxNode node = call.Node;
        int[] strides = Pair(node, "strides"), dilations = Pair(node, "dilations"), pads = Pads(node);
        if (node.Text("auto_pad", "NOTSET") is "SAME_UPPER" or "SAME_LOWER")
        {
            bool isUpper = node.Text("auto_pad", "") == "SAME_UPPER";
            for (int i = 0; i < 2; i++)
            {
                int size = x[2 + i], outputs = (size + strides[i] - 1) / strides[i];
                int total = Math.Max(0, (outputs - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size);
                (pads[i], pads[2 + i]) = isUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2);
            }
        }
        return new(kernel[0], kernel[1], strides[0], strides[1], pads[0], pads[1], pads[2], pads[3], dilations[0], dilations[1]);
    }

    private static int[] Pads(OnnxNode node) => (node.Integers("pads") ?? [0, 0, 0, 0]) switch
    {
        { Length: 4 } pads => [.. pads.Select(Size)],
        var pads => throw new ShapeException($"pads [{string.Join(", ", pads)}] are not of a 2-dimensional image"),
    };

    private static int[] Pair(OnnxNode node, string attribute, int otherwise = 1) => (node.Integers(attribute) ?? []) switch
    {
        { Length: 0 } => [otherwise, otherwise],
        { Length: 2 } values => [.. values.Select(Size)],
        var values => throw new ShapeException($"{attribute} [{string.Join(", ", values)}] are not of a 2-dimensional image"),
    };

    private static int Size(long size) => size is >= 0 and < 1 << 16 ? (int)size
        : throw new ShapeException($"a size of {size} is too large");

    private static ShapeException Not2d(Shape x) => new($"only images [N, C, H, W] are supported, not {x}");
}
