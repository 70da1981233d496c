using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Operators that draw random numbers, other ones in each pass.</summary>
internal static class Randomness
{
    /// <summary>Seed of a node that gives none.</summary>
    private const ulong Seed = 0x05EED;

    private static int draws;

    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["RandomNormal"] = call => [Normal(call, Given(call))],
        ["RandomUniform"] = call => [Uniform(call, Given(call))],
        ["RandomNormalLike"] = call => [Normal(call, call.Shape(0))],
        ["RandomUniformLike"] = call => [Uniform(call, call.Shape(0))],
        ["Bernoulli"] = call =>
            [BroadcastingOps.Compare(Drawn(call, call.Shape(0), 0, 1), call.Plain(0), Comparison.Less)],
    };

    /// <summary>x with each value zero with this probability, the others divided by the rest.</summary>
    public static Tensor Dropped(OnnxCall call, float ratio)
    {
        Tensor kept = Drawn(call, call.Shape(0), 0, 1).AddScalar(-ratio).Step(StepFunction.Sign, false).Relu();
        return call.Plain(0).Multiply(kept).Scale(1 / (1 - ratio));
    }

    private static Shape Given(OnnxCall call) =>
        Sizing.Checked(new([.. (call.Node.Integers("shape") ?? []).Select(size => checked((int)size))]));

    private static Tensor Normal(OnnxCall call, Shape shape)
    {
        float[] values = new float[shape.Length];
        Philox.FillNormal(values, Key(call), call.Node.Float("scale", 1));
        return FromHost(call, shape, values).AddScalar(call.Node.Float("mean", 0));
    }

    private static Tensor Uniform(OnnxCall call, Shape shape) => Drawn(call, shape, call.Node.Float("low", 0), call.Node.Float("high", 1));

    private static Tensor Drawn(OnnxCall call, Shape shape, float low, float high)
    {
        float[] values = new float[shape.Length];
        Philox.FillUniform(values, Key(call), low, high);
        return FromHost(call, shape, values);
    }

    private static Tensor FromHost(OnnxCall call, Shape shape, float[] values)
    {
        Tensor tensor = Tensor.Empty(call.Device, shape);
        tensor.Data.CopyFrom(values);
        return tensor;
    }

    private static RandomKey Key(OnnxCall call) =>
        new(Seed ^ (ulong)BitConverter.SingleToUInt32Bits(call.Node.Float("seed", 0)), RandomPurpose.StochasticNetwork,
            Index: (uint)Interlocked.Increment(ref draws));
}
