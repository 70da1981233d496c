namespace Ascl.Kernels.Broadcast;

/// <summary>Formulas of up to three values a, b and c.</summary>
public enum BroadcastFormula
{
    /// <summary>a: copies with broadcasting.</summary>
    First,

    /// <summary>a + b.</summary>
    Add,

    /// <summary>a − b.</summary>
    Subtract,

    /// <summary>a·b.</summary>
    Multiply,

    /// <summary>a/b.</summary>
    Divide,

    /// <summary>−a·b/c²: the gradient of b/c with respect to c, times a.</summary>
    DivideGradient,

    /// <summary>max(a, b).</summary>
    Maximum,

    /// <summary>min(a, b).</summary>
    Minimum,

    /// <summary>a where b &gt; c, a/2 where b = c, else 0: the gradient of max(b, c) with respect to b, times a.</summary>
    LargerGradient,

    /// <summary>a^b; of a negative a, NaN unless b is an integer.</summary>
    Power,

    /// <summary>a·c·b^(c − 1): the gradient of b^c with respect to b, times a.</summary>
    PowerBaseGradient,

    /// <summary>a·b^c·log b: the gradient of b^c with respect to c, times a; 0 where b ≤ 0.</summary>
    PowerExponentGradient,

    /// <summary>b where a ≠ 0, else c.</summary>
    Select,

    /// <summary>1 where a = b, else 0.</summary>
    Equal,

    /// <summary>1 where a &lt; b, else 0.</summary>
    Less,

    /// <summary>1 where a ≤ b, else 0.</summary>
    LessOrEqual,
}
