using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;


namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Elementwise operators, in the layout of their inputs wherever that is possible.</summary>
internal static class Arithmetic
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Add"] = call => [Add(call.OperandOf(0), call.OperandOf(1))],
        ["Sub"] = call => [Subtract(call.OperandOf(0), call.OperandOf(1))],
        ["Mul"] = call => [Multiply(call.OperandOf(0), call.OperandOf(1))],
        ["Div"] = call => [Divide(call.OperandOf(0), call.OperandOf(1))],
        ["Pow"] = call => [Power(call.OperandOf(0), call.OperandOf(1))],
        ["Max"] = call => [Folded(call, BroadcastingOps.Maximum)],
        ["Min"] = call => [Folded(call, BroadcastingOps.Minimum)],
        ["Sum"] = call => [Folded(call, (a, b) => Add(new(a), new(b)))],
        ["Mean"] = call => [Folded(call, (a, b) => Add(new(a), new(b))).Scale(1f / call.Count)],
        ["Where"] = call => [BroadcastingOps.Where(call.Plain(0), call.Plain(1), call.Plain(2))],
        ["Equal"] = Compared(Comparison.Equal),
        ["Less"] = Compared(Comparison.Less),
        ["LessOrEqual"] = Compared(Comparison.LessOrEqual),
        ["Greater"] = Compared(Comparison.Greater),
        ["GreaterOrEqual"] = Compared(Comparison.GreaterOrEqual),
        ["Not"] = call => [BroadcastingOps.Not(call.Plain(0))],
        ["And"] = call => [BroadcastingOps.Minimum(call.Plain(0), call.Plain(1))],
        ["Or"] = call => [BroadcastingOps.Maximum(call.Plain(0), call.Plain(1))],
        ["Neg"] = Of(x => x.Negate()),
        ["Abs"] = Of(x => x.Abs()),
        ["Reciprocal"] = Of(x => x.Reciprocal()),
        ["Sqrt"] = Of(x => x.Sqrt()),
        ["Exp"] = Of(x => x.Exp()),
        ["Log"] = Of(x => x.Log()),
        ["Erf"] = Of(x => x.Erf()),
        ["Sin"] = Of(x => x.Sin()),
        ["Cos"] = Of(x => x.Cos()),
        ["Tanh"] = Of(x => x.Tanh()),
        ["Sigmoid"] = Of(x => x.Sigmoid()),
        ["Relu"] = Of(x => x.Relu()),
        ["ascl.Silu"] = Of(x => x.Silu()),
        ["Softplus"] = Of(x => x.SoftplusOf(1)),
        ["Softsign"] = Of(x => x.Softsign()),
        ["Mish"] = Of(x => x.Mish()),
        ["HardSwish"] = Of(x => x.HardSwish()),
        ["Gelu"] = call => [call.Node.Text("approximate", "none") == "tanh" ? call.Tensor(0).GeluTanh() : call.Tensor(0).Gelu()],
        ["LeakyRelu"] = call => [call.Tensor(0).LeakyRelu(call.Node.Float("alpha", 0.01f))],
        ["Elu"] = call => [call.Tensor(0).Elu(call.Node.Float("alpha", 1))],
        ["Celu"] = call => [call.Tensor(0).Celu(call.Node.Float("alpha", 1))],
        ["Selu"] = call => [call.Tensor(0).Selu(call.Node.Float("alpha", 1.6732632f), call.Node.Float("gamma", 1.050701f))],
        ["HardSigmoid"] = call => [call.Tensor(0).HardSigmoid(call.Node.Float("alpha", 0.2f), call.Node.Float("beta", 0.5f))],
        ["Clip"] = Clip,
        ["PRelu"] = PRelu,
        ["Floor"] = Step(StepFunction.Floor),
        ["Ceil"] = Step(StepFunction.Ceil),
        ["Round"] = Step(StepFunction.Round),
        ["Sign"] = Step(StepFunction.Sign),
        ["Identity"] = Of(x => x),
        ["Dropout"] = Dropout,
        ["Cast"] = Cast,
        ["CastLike"] = Of(x => x),
    };

    /// <summary>An operand of a binary operator: a tensor, and its value if it is one constant number.</summary>
    internal readonly record struct Operand(Tensor Tensor, float? Number = null);

    private static Operand OperandOf(this OnnxCall call, int at) => new(call.Tensor(at), call.ScalarOrNull(at));

    public static Tensor Add(Operand a, Operand b) => Commutative(a, b, UnaryOps.AddScalar, ElementwiseOps.Add,
        ChannelArithmeticOps.AddChannels);

    private static Tensor Subtract(Operand a, Operand b) => (a.Number, b.Number) switch
    {
        (null, { } number) when Keeps(a, b) => a.Tensor.AddScalar(-number),
        ({ } number, null) when Keeps(b, a) => b.Tensor.Negate().AddScalar(number),
        _ when AreAlike(a.Tensor, b.Tensor) => a.Tensor.AddScaled(b.Tensor, -1),
        _ when ChannelRows(a.Tensor, b.Tensor) is { } term => a.Tensor.AddChannels(term.Negate()),
        _ when ChannelRows(b.Tensor, a.Tensor) is { } term => b.Tensor.Negate().AddChannels(term),
        _ => a.Tensor.ToPlain().Subtract(b.Tensor.ToPlain()),
    };

    private static Tensor Multiply(Operand a, Operand b) =>
        Commutative(a, b, ElementwiseOps.Scale, ElementwiseOps.Multiply, ChannelArithmeticOps.ScaleChannels);

    /// <param name="a">One operand.</param>
    /// <param name="b">The other.</param>
    /// <param name="byNumber">The operator with one number.</param>
    /// <param name="op">The operator on tensors of one shape and layout, or plain ones that broadcast.</param>
    /// <param name="byChannel">The operator on an activation and one number a channel.</param>
    private static Tensor Commutative(Operand a, Operand b, Func<Tensor, float, Tensor> byNumber, Func<Tensor, Tensor, Tensor> op,
        Func<Tensor, Tensor, Tensor> byChannel) => (a.Number, b.Number) switch
        {
            (null, { } number) when Keeps(a, b) => byNumber(a.Tensor, number),
            ({ } number, null) when Keeps(b, a) => byNumber(b.Tensor, number),
            _ when AreAlike(a.Tensor, b.Tensor) => op(a.Tensor, b.Tensor),
            _ when ChannelRows(a.Tensor, b.Tensor) is { } rows => byChannel(a.Tensor, rows),
            _ when ChannelRows(b.Tensor, a.Tensor) is { } rows => byChannel(b.Tensor, rows),
            _ => op(a.Tensor.ToPlain(), b.Tensor.ToPlain()),
        };

    private static Tensor Divide(Operand a, Operand b) => (a.Number, b.Number) switch
    {
        (null, { } number) when Keeps(a, b) => a.Tensor.Scale(1 / number),
        _ when ChannelRows(a.Tensor, b.Tensor) is { } factor => a.Tensor.ScaleChannels(factor.Reciprocal()),
        _ => a.Tensor.ToPlain().Divide(b.Tensor.ToPlain()),
    };

    private static Tensor Power(Operand a, Operand b) => b.Number is { } exponent && Keeps(a, b)
        ? a.Tensor.PowerOf(exponent)
        : a.Tensor.ToPlain().Power(b.Tensor.ToPlain());

    /// <summary>Whether a number of shape [1], [1, 1], … leaves the other operand's shape as it is.</summary>
    private static bool Keeps(Operand other, Operand number) => number.Tensor.Shape.Rank <= other.Tensor.Shape.Rank;

    /// <summary>Whether an op may run over both operands' memory as it is.</summary>
    private static bool AreAlike(Tensor a, Tensor b) => a.Shape == b.Shape && a.Layout == b.Layout;

    /// <summary>The other operand as one number a channel, [C] or [N, C], if it is one for this activation; null otherwise.</summary>
    public static Tensor? ChannelRows(Tensor x, Tensor other)
    {
        if (x.Layout != TensorLayout.Activation || other.Shape.Rank is not (3 or 4))
            return null;
        int[] sizes = other.Shape.Rank == 3 ? [1, .. other.Shape.Sizes] : other.Shape.Sizes.ToArray();
        if (sizes[1] != x.Shape[1] || sizes[2] != 1 || sizes[3] != 1 || (sizes[0] != 1 && sizes[0] != x.Shape[0]))
            return null;
        Tensor plain = other.ToPlain();
        return sizes[0] == 1 ? plain.Reshape(new(sizes[1])) : plain.Reshape(new(sizes[0], sizes[1]));
    }

    private static Tensor Folded(OnnxCall call, Func<Tensor, Tensor, Tensor> combine)
    {
        Tensor result = call.Plain(0);
        for (int i = 1; i < call.Count; i++)
            result = combine(result, call.Plain(i));
        return result;
    }

    private static OnnxOperator Of(Func<Tensor, Tensor> op) => call => [op(call.Tensor(0))];

    private static OnnxOperator Compared(Comparison kind) => call => [BroadcastingOps.Compare(call.Plain(0), call.Plain(1), kind)];

    private static OnnxOperator Step(StepFunction kind) => call => [call.Tensor(0).Step(kind, call.IsStraightThrough)];

    /// <summary>The bounds are attributes up to operator set 10, inputs after.</summary>
    private static OnnxValue[] Clip(OnnxCall call)
    {
        float low = call.OptionalConstant(1)?.Float ?? call.Node.Float("min", float.NegativeInfinity);
        float high = call.OptionalConstant(2)?.Float ?? call.Node.Float("max", float.PositiveInfinity);
        return [low == 0 && high == float.PositiveInfinity ? call.Tensor(0).Relu() : call.Tensor(0).Clip(low, high)];
    }

    private static OnnxValue[] PRelu(OnnxCall call)
    {
        Tensor x = call.Tensor(0), slope = call.Tensor(1);
        if (slope.Shape.Length == 1 && x.Layout == TensorLayout.Activation)
            return [x.PRelu(slope.ToPlain().Reshape(new(1)))];
        if (ChannelRows(x, slope) is { Shape.Rank: 1 } rows)
            return [x.PRelu(rows)];
        Tensor plain = x.ToPlain();
        return [plain.Relu().Subtract(plain.Negate().Relu().Multiply(slope.ToPlain()))];
    }

    /// <summary>Dropout of a model in evaluation mode is the identity; in training mode it is random.</summary>
    private static OnnxValue[] Dropout(OnnxCall call)
    {
        bool isTraining = call.OptionalConstant(2) is { } mode && mode.Integer != 0;
        float ratio = call.OptionalConstant(1)?.Float ?? call.Node.Float("ratio", 0.5f);
        return [isTraining && ratio > 0 ? Randomness.Dropped(call, ratio) : call.Tensor(0)];
    }

    /// <summary>Between types of floats nothing changes; a cast to integers cuts off, which has no gradient.</summary>
    private static OnnxValue[] Cast(OnnxCall call)
    {
        Tensor x = call.Tensor(0);
        switch (call.Node.Integer("to", 1))
        {
            case 1 or 10 or 11 or 16:
                return [x];
            case 9:
                return [BroadcastingOps.Not(BroadcastingOps.Not(x.ToPlain()))];
            default:
                Tensor plain = x.ToPlain(), isNegative = plain.Step(StepFunction.Sign, false).Clip(-1, 0);
                return [BroadcastingOps.Where(isNegative, plain.Step(StepFunction.Ceil, call.IsStraightThrough),
                    plain.Step(StepFunction.Floor, call.IsStraightThrough))];
        }
    }
}
