using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The transforms of Winograd's F(4×4, 3×3) (Lavin &amp; Gray 2015) for one tile and one channel block: each lane is a channel.
/// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A with d a 6×6 window of the input and Y 4×4 outputs. The interpolation points are 0, ±a, ±b, ∞ with a = √½,
/// b = √2
/// instead of the usual 0, ±1, ±2, ∞: the same work with constants closer to 1, and so smaller rounding errors.
///   Bᵀ rows: 1 0 −5/2 0 1 0 | 0 ∓2a −2 ±a 1 0 | 0 ∓b/2 −1/2 ±b 1 0 | 0 1 0 −5/2 0 1
///   G rows:  1 0 0 | −2/3 ∓2a/3 −1/3 | 1/6 ±b/6 1/3 | 0 0 1
///   Aᵀ rows: 1 1 1 1 1 0 | 0 a −a b −b 0 | 0 1/2 1/2 2 2 0 | 0 a/2 −a/2 2b −2b 1
/// </summary>
internal static unsafe class WinogradTransforms<F> where F : struct, ISimd<F>
{
    private const MethodImplOptions Optimized = MethodImplOptions.AggressiveOptimization;

    private const float A = 0.70710678118654752f, B = 1.41421356237309505f;

    /// <summary>Floats of scratch that a transform needs.</summary>
    public static int ScratchLength => 36 * F.Width;

    /// <summary>
    /// V = Bᵀ d B: d is 6×6 pixels at <paramref name="d"/>, rows <paramref name="row"/> apart; frequency ξ goes to v +
    /// ξ·<paramref name="frequency"/>.
    /// </summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Input(float* d, nint row, float* v, nint frequency, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 6; j++)
            InputColumn(F.Load(d + j * w), F.Load(d + j * w + row), F.Load(d + j * w + 2 * row), F.Load(d + j * w + 3 * row),
                F.Load(d + j * w + 4 * row), F.Load(d + j * w + 5 * row),
                scratch + j * w, 6 * w);
        float* t = scratch;
        for (nint i = 0; i < 6; i++)
        {
            InputColumn(F.Load(t), F.Load(t + w), F.Load(t + 2 * w), F.Load(t + 3 * w), F.Load(t + 4 * w), F.Load(t + 5 * w), v, frequency);
            v += 6 * frequency;
            t += 6 * w;
        }
    }

    /// <summary>Bᵀ times one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputColumn(F d0, F d1, F d2, F d3, F d4, F d5, float* v, nint step)
    {
        F two = F.Broadcast(2), half = F.Broadcast(0.5f), fiveHalves = F.Broadcast(2.5f), a = F.Broadcast(A), b = F.Broadcast(B);
        F evenA = F.NegMulAdd(two, d2, d4), oddA = F.NegMulAdd(two, d1, d3), evenB = F.NegMulAdd(half, d2, d4);
        F oddB = F.NegMulAdd(half, d1, d3);
        F.NegMulAdd(fiveHalves, d2, d0 + d4).Store(v);
        F.MulAdd(a, oddA, evenA).Store(v + step);
        F.NegMulAdd(a, oddA, evenA).Store(v + 2 * step);
        F.MulAdd(b, oddB, evenB).Store(v + 3 * step);
        F.NegMulAdd(b, oddB, evenB).Store(v + 4 * step);
        F.NegMulAdd(fiveHalves, d3, d1 + d5).Store(v + 5 * step);
    }

    /// <summary>Y = Aᵀ m A: 4×4 outputs at <paramref name="y"/> from the 6×6 frequencies at m + ξ·<paramref name="frequency"/>.</summary>
    /// <remarks>
    /// Rows 0 and 2 of Aᵀ m, then 1 and 3: 12 vectors stay in registers, and the two halves have no common subexpressions.
    /// </remarks>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Output<TOutput>(float* m, nint frequency, float* y, nint row, TOutput output)
        where TOutput : struct, IWinogradOutput<F>
    {
        F first = F.Zero, second = F.Zero;
        for (int half = 0; half < 2; half++, y += row)
        {
            F r00, r01, r02, r03, r04, r05, r20, r21, r22, r23, r24, r25;
            if (half == 0)
            {
                EvenColumn(m, frequency, out r00, out r20);
                EvenColumn(m + frequency, frequency, out r01, out r21);
                EvenColumn(m + 2 * frequency, frequency, out r02, out r22);
                EvenColumn(m + 3 * frequency, frequency, out r03, out r23);
                EvenColumn(m + 4 * frequency, frequency, out r04, out r24);
                EvenColumn(m + 5 * frequency, frequency, out r05, out r25);
            }
            else
            {
                OddColumn(m, frequency, out r00, out r20);
                OddColumn(m + frequency, frequency, out r01, out r21);
                OddColumn(m + 2 * frequency, frequency, out r02, out r22);
                OddColumn(m + 3 * frequency, frequency, out r03, out r23);
                OddColumn(m + 4 * frequency, frequency, out r04, out r24);
                OddColumn(m + 5 * frequency, frequency, out r05, out r25);
            }
            OutputRow(r00, r01, r02, r03, r04, r05, y, output, ref first, ref second);
            OutputRow(r20, r21, r22, r23, r24, r25, y + 2 * row, output, ref first, ref second);
        }
        output.Finish(first, second);
    }

    /// <summary>Rows 0 and 2 of Aᵀ times one column of m.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EvenColumn(float* m, nint frequency, out F r0, out F r2)
    {
        F s1 = F.Load(m + 6 * frequency) + F.Load(m + 12 * frequency), s2 = F.Load(m + 18 * frequency) + F.Load(m + 24 * frequency);
        r0 = F.Load(m) + s1 + s2;
        r2 = F.MulAdd(F.Broadcast(0.5f), s1, F.Broadcast(2) * s2);
    }

    /// <summary>Rows 1 and 3 of Aᵀ times one column of m.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OddColumn(float* m, nint frequency, out F r1, out F r3)
    {
        F d1 = F.Load(m + 6 * frequency) - F.Load(m + 12 * frequency), d2 = F.Load(m + 18 * frequency) - F.Load(m + 24 * frequency);
        r1 = F.MulAdd(F.Broadcast(A), d1, F.Broadcast(B) * d2);
        r3 = F.MulAdd(F.Broadcast(A / 2), d1, F.MulAdd(F.Broadcast(2 * B), d2, F.Load(m + 30 * frequency)));
    }

    /// <summary>One row times A.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputRow<TOutput>(F m0, F m1, F m2, F m3, F m4, F m5, float* y, TOutput output, ref F first, ref F second)
        where TOutput : struct, IWinogradOutput<F>
    {
        nint w = F.Width;
        F s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
        F v0 = output.Store(m0 + s1 + s2, y);
        F v1 = output.Store(F.MulAdd(F.Broadcast(A), d1, F.Broadcast(B) * d2), y + w);
        F v2 = output.Store(F.MulAdd(F.Broadcast(0.5f), s1, F.Broadcast(2) * s2), y + 2 * w);
        F v3 = output.Store(F.MulAdd(F.Broadcast(A / 2), d1, F.MulAdd(F.Broadcast(2 * B), d2, m5)), y + 3 * w);
        first = output.First(output.First(output.First(output.First(first, v0), v1), v2), v3);
        second = output.Second(output.Second(output.Second(output.Second(second, v0), v1), v2), v3);
    }

    /// <summary>A dy Aᵀ, the adjoint of <see cref="Output"/>: 6×6 frequencies from 4×4 gradients.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void OutputAdjoint(float* dy, nint row, float* v, nint frequency, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 4; j++)
            OutputAdjointColumn(F.Load(dy + j * w), F.Load(dy + j * w + row), F.Load(dy + j * w + 2 * row), F.Load(dy + j * w + 3 * row),
                scratch + j * w, 4 * w);
        float* t = scratch;
        for (nint i = 0; i < 6; i++)
        {
            OutputAdjointColumn(F.Load(t), F.Load(t + w), F.Load(t + 2 * w), F.Load(t + 3 * w), v, frequency);
            v += 6 * frequency;
            t += 4 * w;
        }
    }

    /// <summary>A times one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputAdjointColumn(F y0, F y1, F y2, F y3, float* v, nint step)
    {
        F a = F.Broadcast(A), b = F.Broadcast(B), half = F.Broadcast(0.5f), two = F.Broadcast(2);
        F evenA = F.MulAdd(half, y2, y0), oddA = F.MulAdd(half, y3, y1), evenB = F.MulAdd(two, y2, y0), oddB = F.MulAdd(two, y3, y1);
        y0.Store(v);
        F.MulAdd(a, oddA, evenA).Store(v + step);
        F.NegMulAdd(a, oddA, evenA).Store(v + 2 * step);
        F.MulAdd(b, oddB, evenB).Store(v + 3 * step);
        F.NegMulAdd(b, oddB, evenB).Store(v + 4 * step);
        y3.Store(v + 5 * step);
    }

    /// <summary>G times one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightColumn(F g0, F g1, F g2, float* u, nint step)
    {
        F evenA = F.MulAdd(F.Broadcast(0.5f), g2, g0), evenB = F.MulAdd(F.Broadcast(2), g2, g0), a = F.Broadcast(A), b = F.Broadcast(B);
        F scaleA = F.Broadcast(-2f / 3), scaleB = F.Broadcast(1f / 6);
        g0.Store(u);
        (F.MulAdd(a, g1, evenA) * scaleA).Store(u + step);
        (F.NegMulAdd(a, g1, evenA) * scaleA).Store(u + 2 * step);
        (F.MulAdd(b, g1, evenB) * scaleB).Store(u + 3 * step);
        (F.NegMulAdd(b, g1, evenB) * scaleB).Store(u + 4 * step);
        g2.Store(u + 5 * step);
    }

    /// <summary>Gᵀ times one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightAdjointColumn(float* u, nint from, float* g, nint to)
    {
        F u0 = F.Load(u), u1 = F.Load(u + from), u2 = F.Load(u + 2 * from), u3 = F.Load(u + 3 * from), u4 = F.Load(u + 4 * from);
        F u5 = F.Load(u + 5 * from);
        F scaleA = F.Broadcast(-2f / 3), scaleB = F.Broadcast(1f / 6), sumA = u1 + u2, sumB = u3 + u4;
        F.MulAdd(scaleA, sumA, F.MulAdd(scaleB, sumB, u0)).Store(g);
        F.MulAdd(F.Broadcast(-2 * A / 3), u1 - u2, F.Broadcast(B / 6) * (u3 - u4)).Store(g + to);
        F.MulAdd(F.Broadcast(1f / 3), sumB - sumA, u5).Store(g + 2 * to);
    }
}
