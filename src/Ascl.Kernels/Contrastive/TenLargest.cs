using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Contrastive;

/// <summary>The ten largest of some values that are not negative, in descending order, lane by lane; 0 where there are fewer.</summary>
internal readonly struct TenLargest<F>(F a, F b, F c, F d, F e, F f, F g, F h, F i, F j) where F : struct, ISimd<F>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>The smallest normal number.</summary>
    private const float AboveZero = 1.17549435e-38f;

    private readonly F a = a, b = b, c = c, d = d, e = e, f = f, g = g, h = h, i = i, j = j;

    /// <summary>How many coordinates of a row the mean is over.</summary>
    public static int CountOf(int dimension) => Math.Min(10, dimension);

    /// <summary>
    /// What a value must reach to be among them: the tenth, or anything above 0 where that is 0, since equal coordinates have no gradient.
    /// </summary>
    public F Edge { [MethodImpl(Inline)] get => F.Max(j, F.Broadcast(AboveZero)); }

    /// <summary>
    /// Their sum over <paramref name="count"/>, as the smallest and what the others have more: of ten alike that is nearly exact.
    /// </summary>
    [MethodImpl(Inline)]
    public F Mean(int count) =>
        j + ((((a - j) + (b - j)) + ((c - j) + (d - j))) + (((e - j) + (f - j)) + ((g - j) + (h - j))) + (i - j)) / F.Broadcast(count);

    /// <summary>With one more value: each place takes it, keeps its own, or takes the one of the place before.</summary>
    [MethodImpl(Inline)]
    public TenLargest<F> With(F x) => new(
        F.Max(a, x), F.Max(b, F.Min(a, x)), F.Max(c, F.Min(b, x)), F.Max(d, F.Min(c, x)), F.Max(e, F.Min(d, x)), F.Max(f, F.Min(e, x)),
        F.Max(g, F.Min(f, x)), F.Max(h, F.Min(g, x)), F.Max(i, F.Min(h, x)), F.Max(j, F.Min(i, x)));
}
