namespace Ascl.Kernels.Unary;

/// <summary>Formulas of one value x with up to two parameters p and q.</summary>
public enum UnaryFunction
{
    /// <summary>−x.</summary>
    Negate,

    /// <summary>1/x.</summary>
    Reciprocal,

    /// <summary>√x.</summary>
    SquareRoot,

    /// <summary>x².</summary>
    Square,

    /// <summary>x³.</summary>
    Cube,

    /// <summary>x^p; of a negative x, NaN unless p is an integer.</summary>
    Power,

    /// <summary>log x: −∞ at 0, NaN below.</summary>
    Log,

    /// <summary>exp x.</summary>
    Exp,

    /// <summary>x + p.</summary>
    AddScalar,

    /// <summary>min(q, max(p, x)); the gradient is 1 for p ≤ x ≤ q.</summary>
    Clip,

    /// <summary>sin x, for |x| up to 8192.</summary>
    Sine,

    /// <summary>cos x, for |x| up to 8192.</summary>
    Cosine,

    /// <summary>1 where x = 0, else 0.</summary>
    Not,

    /// <summary>The largest integer not above x; the gradient is 0, as for all roundings.</summary>
    Floor,

    /// <summary>The smallest integer not below x.</summary>
    Ceiling,

    /// <summary>The nearest integer, of two the even one.</summary>
    Round,

    /// <summary>−1, 0 or 1.</summary>
    Sign,

    /// <summary>erf x = 2/√π·∫₀ˣ exp(−t²) dt.</summary>
    Erf,

    /// <summary>σ(x) = 1/(1 + exp(−x)).</summary>
    Sigmoid,

    /// <summary>tanh x.</summary>
    Tanh,

    /// <summary>x/(1 + |x|).</summary>
    Softsign,

    /// <summary>x where x > 0, else p·x.</summary>
    LeakyRelu,

    /// <summary>x where x > 0, else p·(exp x − 1).</summary>
    Elu,

    /// <summary>q·x where x > 0, else q·p·(exp x − 1).</summary>
    Selu,

    /// <summary>x where x > 0, else p·(exp(x/p) − 1).</summary>
    Celu,

    /// <summary>p·x + q, cut off at 0 and 1; the gradient is p strictly between.</summary>
    HardSigmoid,

    /// <summary>x·min(1, max(0, x/6 + 1/2)).</summary>
    HardSwish,

    /// <summary>x·tanh(log(1 + exp x)).</summary>
    Mish,

    /// <summary>log(1 + exp(p·x))/p.</summary>
    Softplus,

    /// <summary>½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).</summary>
    GeluTanh,
}
