using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The distance D(u, v) of two rows; <see cref="Dot"/> of normalised rows is the cosine. Each is an <see cref="IRowDistance"/>.
/// </summary>
public enum RowDistance
{
    /// <summary>−u·v.</summary>
    Dot,

    /// <summary>Σ|u_k − v_k|.</summary>
    L1,

    /// <summary>√Σ(u_k − v_k)².</summary>
    L2,

    /// <summary>max|u_k − v_k|.</summary>
    Linf,
}

/// <summary>
/// A distance as a reduction over the coordinates, and its gradient. With S(u, v) the value of <see cref="Finish"/>, the similarity is
/// <see cref="Sign"/>·S/τ.
/// </summary>
internal interface IRowDistance
{
    /// <summary>+1 if a larger S means more similar, −1 if it means more distant.</summary>
    static abstract float Sign { get; }

    /// <summary>Whether S depends only on u − v, with the derivative in <see cref="Gradient"/>; otherwise S is u·v.</summary>
    static abstract bool OfDifference { get; }

    /// <summary>Whether the coordinates at which |u_k − v_k| = S share the gradient.</summary>
    static abstract bool SharedByTies { get; }

    /// <summary>The reduction after one more coordinate.</summary>
    static abstract F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F>;

    /// <summary>S from the reduction over all coordinates.</summary>
    static abstract F Finish<F>(F sum) where F : struct, ISimd<F>;

    /// <summary>Converts dL/dS to the weight that <see cref="Gradient"/> takes: the factors that do not depend on the coordinate.</summary>
    static abstract F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F>;

    /// <summary>dL/du_k = −dL/dv_k of one pair for difference = u_k − v_k.</summary>
    static abstract F Gradient<F>(F difference, F weight, F distance) where F : struct, ISimd<F>;
}

internal readonly struct DotProduct : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => 1;
    public static bool OfDifference => false;
    public static bool SharedByTies => false;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => F.MulAdd(u, v, sum);
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS;
    [MethodImpl(Inline)] public static F Gradient<F>(F difference, F weight, F distance) where F : struct, ISimd<F> => F.Zero;
}

/// <summary>sign(0) is 0.</summary>
internal readonly struct L1Distance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => false;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => sum + F.Abs(u - v);
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS;
    [MethodImpl(Inline)]
    public static F Gradient<F>(F difference, F weight, F distance)
        where F : struct, ISimd<F> => F.TimesSign(weight, difference);
}

/// <summary>The gradient at distance 0 is 0.</summary>
internal readonly struct L2Distance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => false;

    [MethodImpl(Inline)]
    public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F>
    {
        F difference = u - v;
        return F.MulAdd(difference, difference, sum);
    }

    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => F.Sqrt(sum);
    [MethodImpl(Inline)]
    public static F Weight<F>(F dS, F distance, F ties)
        where F : struct, ISimd<F> => F.WherePositive(distance, dS / distance);
    [MethodImpl(Inline)] public static F Gradient<F>(F difference, F weight, F distance) where F : struct, ISimd<F> => difference * weight;
}

/// <summary>Coordinates tied at the maximum share its gradient evenly, as in PyTorch's amax.</summary>
internal readonly struct LinfDistance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => true;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => F.Max(sum, F.Abs(u - v));
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS / ties;

    [MethodImpl(Inline)]
    public static F Gradient<F>(F difference, F weight, F distance) where F : struct, ISimd<F> =>
        F.WhereEqual(F.Abs(difference), distance, F.TimesSign(weight, difference));
}
