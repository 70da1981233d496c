using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models.Layers;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Normalisation layers. BatchNorm has its stored statistics in every mode.</summary>
internal static class Normalizations
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["BatchNormalization"] = BatchNorm,
        ["InstanceNormalization"] = call => [Grouped(call, call.Shape(0)[1], perGroup: false)],
        ["GroupNormalization"] = call => [Grouped(call, (int)call.Node.Integer("num_groups", 1), perGroup: call.Opset < 21)],
        ["LayerNormalization"] = LayerNorm,
        ["ascl.LayerNormChannels"] = LayerNormChannels,
        ["LpNormalization"] = LpNormalization,
    };

    /// <summary>Scale, shift, mean and variance, from an input on.</summary>
    public static BatchNormState State(OnnxCall call, int first) => new(
        call.Tensor(first), call.Tensor(first + 1), call.Tensor(first + 2), call.Tensor(first + 3), call.Node.Float("epsilon", 1e-5f));

    private static OnnxValue[] BatchNorm(OnnxCall call)
    {
        if (call.Node.Integer("training_mode", 0) != 0)
            throw new ShapeException("it is in training mode: export the model in evaluation mode");
        Shape shape = call.Shape(0);
        BatchNormState state = State(call, 1);
        if (call.IsInference)
        {
            ScaleAndShift folded = ScaleAndShift.Of(state, call.Node.Name);
            if (shape.Rank == 4)
                return [call.Activation(0).AffineChannels(folded.Scale, folded.Shift, call.Node.Integer("relu", 0) != 0)];
            Shape channel = new([shape[1], .. Enumerable.Repeat(1, shape.Rank - 2)]);
            Tensor y = call.Plain(0).Multiply(folded.Scale.Reshape(channel)).Add(folded.Shift.Reshape(channel));
            return [call.Node.Integer("relu", 0) != 0 ? y.Relu() : y];
        }
        Shape image = new(shape[0], shape[1], shape.Rank > 2 ? shape[2] : 1, shape.Length / Math.Max(1, shape[0] * shape[1]
            * (shape.Rank > 2 ? shape[2] : 1)));
        Tensor x = shape.Rank == 4 ? call.Activation(0) : call.Plain(0).Reshape(image).ToActivation();
        Tensor normalized = x.BatchNorm(state, BatchNormMode.Evaluate, relu: call.Node.Integer("relu", 0) != 0);
        return [shape.Rank == 4 ? normalized : normalized.ToPlain().Reshape(shape)];
    }

    private static Tensor Grouped(OnnxCall call, int groups, bool perGroup)
    {
        Shape shape = call.Shape(0);
        if (shape.Rank < 2 || groups < 1 || shape[1] % groups != 0)
            throw new ShapeException($"{groups} groups for {shape}");
        Tensor x = call.Plain(0), scale = call.Tensor(1), bias = call.Tensor(2);
        if (perGroup)
        {
            // Up to operator set 20, scale and bias are of a group.
            int each = shape[1] / groups;
            (scale, bias) = (Repeated(scale, groups, each), Repeated(bias, groups, each));
        }
        return x.GroupNorm(groups, scale, bias, call.Node.Float("epsilon", 1e-5f));
    }

    private static Tensor Repeated(Tensor values, int groups, int each) =>
        values.Reshape(new(groups, 1)).Expand(new(groups, each)).Reshape(new(groups * each));

    private static OnnxValue[] LayerNorm(OnnxCall call)
    {
        int axis = OnnxCall.Axis(call.Node.Integer("axis", -1), call.Shape(0).Rank);
        return
        [
            call.Plain(0).LayerNorm(axis, call.Has(1) ? call.Tensor(1) : null, call.Has(2) ? call.Tensor(2) : null,
                call.Node.Float("epsilon", 1e-5f)),
        ];
    }

    /// <summary>LayerNorm over the channels of [N, C, H, W], which exporters write between two transpositions.</summary>
    private static OnnxValue[] LayerNormChannels(OnnxCall call) =>
    [
        call.Activation(0).LayerNormChannels(call.Has(1) ? call.Tensor(1) : null, call.Has(2) ? call.Tensor(2) : null,
            call.Node.Float("epsilon", 1e-5f)),
    ];

    private static OnnxValue[] LpNormalization(OnnxCall call)
    {
        Tensor x = call.Plain(0);
        int axis = OnnxCall.Axis(call.Node.Integer("axis", -1), x.Shape.Rank);
        Tensor norm = call.Node.Integer("p", 2) == 1
            ? x.Abs().SumOver([axis], keepDims: true)
            : x.Square().SumOver([axis], keepDims: true).Sqrt();
        return [x.Divide(norm)];
    }

    /// <summary>A BatchNorm's factor and term for each channel, computed again only after one of its tensors changed. Exporters let layers
    /// share equal tensors, so the layer's name tells them apart.</summary>
    private sealed record ScaleAndShift(Tensor Scale, Tensor Shift)
    {
        public static ScaleAndShift Of(BatchNormState norm, string layer)
        {
            DeviceBuffer<float>[] others = [norm.Beta.Data, norm.RunningMean.Data, norm.RunningVariance.Data];
            return norm.Gamma.Data.Derived<ScaleAndShift>($"scale and shift {layer}", Made, others);

            // Captured launches read the memory of the values before.
            ScaleAndShift Made(ScaleAndShift? old)
            {
                float[] gamma = norm.Gamma.ToArray(), beta = norm.Beta.ToArray();
                float[] mean = norm.RunningMean.ToArray(), variance = norm.RunningVariance.ToArray();
                double[] scale = [.. gamma.Select((g, c) => g / Math.Sqrt(variance[c] + (double)norm.Epsilon))];
                float[] scales = [.. scale.Select(s => (float)s)], shifts = [.. beta.Select((b, c) => (float)(b - mean[c] * scale[c]))];
                if (old is null)
                    return new(Tensor.FromArray(norm.Gamma.Device, new(scales.Length), scales),
                        Tensor.FromArray(norm.Gamma.Device, new(shifts.Length), shifts));
                old.Scale.Data.CopyFrom(scales);
                old.Shift.Data.CopyFrom(shifts);
                return old;
            }
        }
    }
}
