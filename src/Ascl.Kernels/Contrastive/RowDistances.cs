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

    /// <summary>The mean of the 10 largest |u_k − v_k|; of all, if there are fewer.</summary>
    Lkinf,
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

    /// <summary>Whether only some coordinates have a gradient (<see cref="Share"/>), which is divided by their number.</summary>
    static abstract bool SharedByTies { get; }

    /// <summary>
    /// Whether S is the mean of a pair's <see cref="TenLargest{F}"/> instead of a reduction of one value; the edge is then the last of
    /// them, and the weight's number of ties at least their number.
    /// </summary>
    static abstract bool OfLargest { get; }

    /// <summary>The reduction after one more coordinate.</summary>
    static abstract F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F>;

    /// <summary>S from the reduction over all coordinates.</summary>
    static abstract F Finish<F>(F sum) where F : struct, ISimd<F>;

    /// <summary>Converts dL/dS to the weight that <see cref="Gradient"/> takes: the factors that do not depend on the coordinate.</summary>
    static abstract F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F>;

    /// <summary>
    /// With <see cref="SharedByTies"/>: <paramref name="value"/> where a coordinate has a gradient, else 0. The edge is S, or that of
    /// <see cref="OfLargest"/>.
    /// </summary>
    static abstract F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F>;

    /// <summary>dL/du_k = −dL/dv_k of one pair for difference = u_k − v_k.</summary>
    static abstract F Gradient<F>(F difference, F weight, F edge) where F : struct, ISimd<F>;
}

internal readonly struct DotProduct : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => 1;
    public static bool OfDifference => false;
    public static bool SharedByTies => false;
    public static bool OfLargest => false;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => F.MulAdd(u, v, sum);
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS;
    [MethodImpl(Inline)] public static F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F> => value;
    [MethodImpl(Inline)] public static F Gradient<F>(F difference, F weight, F edge) where F : struct, ISimd<F> => F.Zero;
}

/// <summary>sign(0) is 0.</summary>
internal readonly struct L1Distance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => false;
    public static bool OfLargest => false;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => sum + F.Abs(u - v);
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS;
    [MethodImpl(Inline)] public static F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F> => value;
    [MethodImpl(Inline)]
    public static F Gradient<F>(F difference, F weight, F edge)
        where F : struct, ISimd<F> => F.TimesSign(weight, difference);
}

/// <summary>The gradient at distance 0 is 0.</summary>
internal readonly struct L2Distance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => false;
    public static bool OfLargest => false;

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
    [MethodImpl(Inline)] public static F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F> => value;
    [MethodImpl(Inline)] public static F Gradient<F>(F difference, F weight, F edge) where F : struct, ISimd<F> => difference * weight;
}

/// <summary>Coordinates tied at the maximum share its gradient evenly, as in PyTorch's amax.</summary>
internal readonly struct LinfDistance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => true;
    public static bool OfLargest => false;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => F.Max(sum, F.Abs(u - v));
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS / ties;

    [MethodImpl(Inline)]
    public static F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F> => F.WhereEqual(F.Abs(difference), edge, value);

    [MethodImpl(Inline)]
    public static F Gradient<F>(F difference, F weight, F edge) where F : struct, ISimd<F> =>
        Share(difference, edge, F.TimesSign(weight, difference));
}

/// <summary>
/// Each of the largest coordinates has 1/10 of the gradient. Where the tenth largest is tied, all that are not smaller share it evenly,
/// which for a single largest one would be <see cref="LinfDistance"/>'s rule.
/// </summary>
internal readonly struct LkinfDistance : IRowDistance
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    public static float Sign => -1;
    public static bool OfDifference => true;
    public static bool SharedByTies => true;
    public static bool OfLargest => true;
    [MethodImpl(Inline)] public static F Accumulate<F>(F sum, F u, F v) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Finish<F>(F sum) where F : struct, ISimd<F> => sum;
    [MethodImpl(Inline)] public static F Weight<F>(F dS, F distance, F ties) where F : struct, ISimd<F> => dS / ties;

    [MethodImpl(Inline)]
    public static F Share<F>(F difference, F edge, F value) where F : struct, ISimd<F>
    {
        F size = F.Abs(difference);
        return F.WhereEqual(F.Max(size, edge), size, value);
    }

    [MethodImpl(Inline)]
    public static F Gradient<F>(F difference, F weight, F edge) where F : struct, ISimd<F> =>
        Share(difference, edge, F.TimesSign(weight, difference));
}
