using Ascl.Kernels.Layout;
using Ascl.Kernels.Unary;

namespace Ascl.Autograd.Ops;

/// <summary>How <see cref="UnaryOps.Step"/> rounds.</summary>
public enum StepFunction
{
    /// <summary>Down.</summary>
    Floor,

    /// <summary>Up.</summary>
    Ceil,

    /// <summary>To the nearest integer, of two the even one.</summary>
    Round,

    /// <summary>To −1, 0 or 1.</summary>
    Sign,
}

/// <summary>The op of <see cref="UnaryOps.Elu"/>.</summary>
/// <param name="Alpha">What −1 is multiplied by far below 0.</param>
public sealed record EluOp(float Alpha) : Op("elu");

/// <summary>Formulas of one value, on tensors of any layout: an activation's border stays zero.</summary>
public static class UnaryOps
{
    /// <summary>−x.</summary>
    public static Tensor Negate(this Tensor x) => Apply("negate", x, UnaryFunction.Negate);

    /// <summary>1/x.</summary>
    public static Tensor Reciprocal(this Tensor x) => Apply("reciprocal", x, UnaryFunction.Reciprocal, touchesBorder: true);

    /// <summary>√x; NaN below 0.</summary>
    public static Tensor Sqrt(this Tensor x) => Apply("sqrt", x, UnaryFunction.SquareRoot, touchesBorder: true);

    /// <summary>x².</summary>
    public static Tensor Square(this Tensor x) => Apply("square", x, UnaryFunction.Square);

    /// <summary>log x: −∞ at 0, NaN below.</summary>
    public static Tensor Log(this Tensor x) => Apply("log", x, UnaryFunction.Log, touchesBorder: true);

    /// <summary>exp x, at most e⁸⁸ and 0 below e⁻⁸⁰.</summary>
    public static Tensor Exp(this Tensor x) => Apply("exp", x, UnaryFunction.Exp, touchesBorder: true);

    /// <summary>erf x = 2/√π·∫₀ˣ exp(−t²) dt.</summary>
    public static Tensor Erf(this Tensor x) => Apply("erf", x, UnaryFunction.Erf);

    /// <summary>σ(x) = 1/(1 + exp(−x)).</summary>
    public static Tensor Sigmoid(this Tensor x) => Apply("sigmoid", x, UnaryFunction.Sigmoid, touchesBorder: true);

    /// <summary>tanh x.</summary>
    public static Tensor Tanh(this Tensor x) => Apply("tanh", x, UnaryFunction.Tanh);

    /// <summary>x/(1 + |x|).</summary>
    public static Tensor Softsign(this Tensor x) => Apply("softsign", x, UnaryFunction.Softsign);

    /// <summary>x·tanh(log(1 + exp x)) (Misra 2019).</summary>
    public static Tensor Mish(this Tensor x) => Apply("mish", x, UnaryFunction.Mish);

    /// <summary>x·min(1, max(0, x/6 + 1/2)) (Howard et al. 2019).</summary>
    public static Tensor HardSwish(this Tensor x) => Apply("hard_swish", x, UnaryFunction.HardSwish);

    /// <summary>½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): the usual approximation of <see cref="SmoothActivationOps.Gelu"/>.</summary>
    public static Tensor GeluTanh(this Tensor x) => Apply("gelu_tanh", x, UnaryFunction.GeluTanh);

    /// <summary>sin x, for |x| up to 8192.</summary>
    public static Tensor Sin(this Tensor x) => Apply("sin", x, UnaryFunction.Sine);

    /// <summary>cos x, for |x| up to 8192.</summary>
    public static Tensor Cos(this Tensor x) => Apply("cos", x, UnaryFunction.Cosine, touchesBorder: true);

    /// <summary>x where x &gt; 0, else slope·x.</summary>
    public static Tensor LeakyRelu(this Tensor x, float slope) => Apply("leaky_relu", x, UnaryFunction.LeakyRelu, slope);

    /// <summary>x where x &gt; 0, else alpha·(exp x − 1) (Clevert et al. 2016).</summary>
    public static Tensor Elu(this Tensor x, float alpha) => Apply(new EluOp(alpha), x, UnaryFunction.Elu, alpha);

    /// <summary>gamma·x where x &gt; 0, else gamma·alpha·(exp x − 1) (Klambauer et al. 2017: 1.6732632 and 1.050701).</summary>
    public static Tensor Selu(this Tensor x, float alpha, float gamma) => Apply("selu", x, UnaryFunction.Selu, alpha, gamma);

    /// <summary>x where x &gt; 0, else alpha·(exp(x/alpha) − 1) (Barron 2017).</summary>
    public static Tensor Celu(this Tensor x, float alpha) => Apply("celu", x, UnaryFunction.Celu, alpha);

    /// <summary>alpha·x + beta, cut off at 0 and 1; the gradient is 0 from there on.</summary>
    public static Tensor HardSigmoid(this Tensor x, float alpha, float beta) =>
        Apply("hard_sigmoid", x, UnaryFunction.HardSigmoid, alpha, beta, touchesBorder: beta > 0);

    /// <summary>log(1 + exp(sharpness·x))/sharpness.</summary>
    public static Tensor SoftplusOf(this Tensor x, float sharpness) =>
        Apply("softplus_of", x, UnaryFunction.Softplus, sharpness, touchesBorder: true);

    /// <summary>min(max, max(min, x)); the gradient is 1 from min to max, both included.</summary>
    /// <param name="x">Any tensor.</param>
    /// <param name="min">The lower bound; −∞ for none.</param>
    /// <param name="max">The upper bound; ∞ for none. It wins where it is below the lower one.</param>
    public static Tensor Clip(this Tensor x, float min, float max) =>
        Apply("clip", x, UnaryFunction.Clip, min, max, touchesBorder: min > 0 || max < 0);

    /// <summary>x + value.</summary>
    public static Tensor AddScalar(this Tensor x, float value) => ForwardOf(x, UnaryFunction.AddScalar, value, 0, touchesBorder: true)
        .Record("add_scalar", (x, dy => dy));

    /// <summary>x^exponent; of a negative x, NaN unless the exponent is an integer. Exact where a product, a root or a quotient
    /// gives it.</summary>
    public static Tensor PowerOf(this Tensor x, float exponent)
    {
        const string name = "power_of";
        return exponent switch
        {
            1 => Apply(name, x, UnaryFunction.AddScalar),
            2 => Apply(name, x, UnaryFunction.Square),
            3 => Apply(name, x, UnaryFunction.Cube),
            0.5f => Apply(name, x, UnaryFunction.SquareRoot, touchesBorder: true),
            -1 => Apply(name, x, UnaryFunction.Reciprocal, touchesBorder: true),
            _ => Apply(name, x, UnaryFunction.Power, exponent, touchesBorder: true),
        };
    }

    /// <summary>Rounds each value. The true gradient is 0 almost everywhere.</summary>
    /// <param name="x">Any tensor.</param>
    /// <param name="kind">How.</param>
    /// <param name="straightThrough">Whether dy is passed on instead of 0 (Bengio et al. 2013).</param>
    public static Tensor Step(this Tensor x, StepFunction kind, bool straightThrough)
    {
        UnaryFunction function = kind switch
        {
            StepFunction.Floor => UnaryFunction.Floor,
            StepFunction.Ceil => UnaryFunction.Ceiling,
            StepFunction.Round => UnaryFunction.Round,
            StepFunction.Sign => UnaryFunction.Sign,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such function"),
        };
        return straightThrough
            ? ForwardOf(x, function, 0, 0, touchesBorder: false).Record("step", (x, dy => dy))
            : Apply("step", x, function);
    }

    /// <param name="touchesBorder">Whether f(0) ≠ 0, or f has no finite derivative at 0.</param>
    private static Tensor Apply(Op op, Tensor x, UnaryFunction function, float p = 0, float q = 0, bool touchesBorder = false)
    {
        return ForwardOf(x, function, p, q, touchesBorder).Record(op, (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            UnaryKernels.Backward(function, p, q, dy.Data, x.Data, dx.Data);
            ClearBorder(dx, touchesBorder);
            return dx;
        }
    }

    private static Tensor ForwardOf(Tensor x, UnaryFunction function, float p, float q, bool touchesBorder)
    {
        Tensor y = Tensor.EmptyLike(x);
        UnaryKernels.Forward(function, p, q, x.Data, y.Data);
        ClearBorder(y, touchesBorder);
        return y;
    }

    private static void ClearBorder(Tensor tensor, bool isTouched)
    {
        if (isTouched && tensor.Layout != TensorLayout.Plain)
            ActivationKernels.ClearOutside(tensor.ActivationLayout, tensor.Data);
    }
}
