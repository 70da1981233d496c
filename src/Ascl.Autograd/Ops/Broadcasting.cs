using Ascl.Core.Diagnostics;
using Ascl.Kernels.Broadcast;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Unary;

namespace Ascl.Autograd.Ops;

/// <summary>A comparison of two values.</summary>
public enum Comparison
{
    /// <summary>a = b.</summary>
    Equal,

    /// <summary>a &lt; b.</summary>
    Less,

    /// <summary>a ≤ b.</summary>
    LessOrEqual,

    /// <summary>a &gt; b.</summary>
    Greater,

    /// <summary>a ≥ b.</summary>
    GreaterOrEqual,
}

/// <summary>
/// Ops of plain tensors whose shapes broadcast by NumPy's rules: aligned at the last dimension, with sizes of 1 repeated. The gradient of a
/// repeated operand is the sum over what it was repeated for. Add and Multiply are in <see cref="ElementwiseOps"/>.
/// </summary>
public static class BroadcastingOps
{
    /// <summary>a − b.</summary>
    public static Tensor Subtract(this Tensor a, Tensor b)
    {
        if (a.Shape == b.Shape && a.Layout == b.Layout)
            return a.AddScaled(b, -1);
        Shape shape = Check("subtract", a, b);
        return PlainShapes.Map(BroadcastFormula.Subtract, shape, a, b, a).Record("subtract",
            (a, dy => PlainShapes.SumTo(dy, a.Shape, owned: false)), (b, BackwardSecond));

        Tensor BackwardSecond(Tensor dy)
        {
            Tensor sum = PlainShapes.SumTo(dy, b.Shape, owned: false), db = Tensor.EmptyLike(sum);
            UnaryKernels.Forward(UnaryFunction.Negate, 0, 0, sum.Data, db.Data);
            return db;
        }
    }

    /// <summary>a/b.</summary>
    public static Tensor Divide(this Tensor a, Tensor b)
    {
        Shape shape = Check("divide", a, b);
        return PlainShapes.Map(BroadcastFormula.Divide, shape, a, b, a).Record("divide",
            (a, dy => Gradient(BroadcastFormula.Divide, a, dy, b, dy)), (b, dy => Gradient(BroadcastFormula.DivideGradient, b, dy, a, b)));
    }

    /// <summary>The larger of a and b; where they are equal, each gets half of the gradient, as in PyTorch.</summary>
    public static Tensor Maximum(this Tensor a, Tensor b)
    {
        Shape shape = Check("maximum", a, b);
        return PlainShapes.Map(BroadcastFormula.Maximum, shape, a, b, a).Record("maximum",
            (a, dy => Gradient(BroadcastFormula.LargerGradient, a, dy, a, b)),
            (b, dy => Gradient(BroadcastFormula.LargerGradient, b, dy, b, a)));
    }

    /// <summary>The smaller of a and b; where they are equal, each gets half of the gradient, as in PyTorch.</summary>
    public static Tensor Minimum(this Tensor a, Tensor b)
    {
        Shape shape = Check("minimum", a, b);
        return PlainShapes.Map(BroadcastFormula.Minimum, shape, a, b, a).Record("minimum",
            (a, dy => Gradient(BroadcastFormula.LargerGradient, a, dy, b, a)),
            (b, dy => Gradient(BroadcastFormula.LargerGradient, b, dy, a, b)));
    }

    /// <summary>a^b; NaN for a negative a unless b is an integer. The gradient of b is 0 where a ≤ 0. For a constant exponent see
    /// <see cref="UnaryOps.PowerOf"/>.</summary>
    public static Tensor Power(this Tensor a, Tensor b)
    {
        Shape shape = Check("power", a, b);
        return PlainShapes.Map(BroadcastFormula.Power, shape, a, b, a).Record("power",
            (a, dy => Gradient(BroadcastFormula.PowerBaseGradient, a, dy, a, b)),
            (b, dy => Gradient(BroadcastFormula.PowerExponentGradient, b, dy, a, b)));
    }

    /// <summary>a where the condition is not 0, else b. No gradient goes to the condition.</summary>
    public static Tensor Where(this Tensor condition, Tensor a, Tensor b)
    {
        const string name = "where";
        PlainShapes.Require(name, condition, a, b);
        Shape shape = PlainShapes.Broadcast(name, condition.Shape, a.Shape, b.Shape);
        return PlainShapes.Map(BroadcastFormula.Select, shape, condition, a, b).Record(name,
            (a, dy => Chosen(a, dy, isFirst: true)), (b, dy => Chosen(b, dy, isFirst: false)));

        Tensor Chosen(Tensor operand, Tensor dy, bool isFirst)
        {
            Tensor zero = Tensor.Empty(dy.Device, new(1));
            ElementwiseKernels.Fill(null, 0, zero.Data);
            Tensor chosen = PlainShapes.Map(BroadcastFormula.Select, dy.Shape, condition, isFirst ? dy : zero, isFirst ? zero : dy);
            dy.Device.Pool.Return(zero.Data);
            return PlainShapes.SumTo(chosen, operand.Shape, owned: true);
        }
    }

    /// <summary>1 where the comparison holds, else 0. Not differentiable.</summary>
    public static Tensor Compare(this Tensor a, Tensor b, Comparison kind)
    {
        Shape shape = Check("compare", a, b);
        return (kind switch
        {
            Comparison.Equal => PlainShapes.Map(BroadcastFormula.Equal, shape, a, b, a),
            Comparison.Less => PlainShapes.Map(BroadcastFormula.Less, shape, a, b, a),
            Comparison.LessOrEqual => PlainShapes.Map(BroadcastFormula.LessOrEqual, shape, a, b, a),
            Comparison.Greater => PlainShapes.Map(BroadcastFormula.Less, shape, b, a, b),
            Comparison.GreaterOrEqual => PlainShapes.Map(BroadcastFormula.LessOrEqual, shape, b, a, b),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such comparison"),
        }).Record("compare");
    }

    /// <summary>1 where x is 0, else 0. Not differentiable.</summary>
    public static Tensor Not(this Tensor x)
    {
        PlainShapes.Require("not", x);
        Tensor y = Tensor.EmptyLike(x);
        UnaryKernels.Forward(UnaryFunction.Not, 0, 0, x.Data, y.Data);
        return y.Record("not");
    }

    internal static Tensor Sum(Tensor a, Tensor b)
    {
        Shape shape = Check("add", a, b);
        return PlainShapes.Map(BroadcastFormula.Add, shape, a, b, a).Record("add",
            (a, dy => PlainShapes.SumTo(dy, a.Shape, owned: false)), (b, dy => PlainShapes.SumTo(dy, b.Shape, owned: false)));
    }

    internal static Tensor Product(Tensor a, Tensor b)
    {
        Shape shape = Check("multiply", a, b);
        return PlainShapes.Map(BroadcastFormula.Multiply, shape, a, b, a).Record("multiply",
            (a, dy => Gradient(BroadcastFormula.Multiply, a, dy, b, dy)), (b, dy => Gradient(BroadcastFormula.Multiply, b, dy, a, dy)));
    }

    private static Shape Check(string op, Tensor a, Tensor b)
    {
        PlainShapes.Require(op, a, b);
        return PlainShapes.Broadcast(op, a.Shape, b.Shape);
    }

    /// <summary>formula(dy, first, second), summed to the operand's shape.</summary>
    private static Tensor Gradient(BroadcastFormula formula, Tensor operand, Tensor dy, Tensor first, Tensor second) =>
        PlainShapes.SumTo(PlainShapes.Map(formula, dy.Shape, dy, first, second), operand.Shape, owned: true);
}
