using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>What becomes of an output vector before it is stored.</summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradOutput<F> where F : struct, ISimd<F>
{
    /// <param name="value">The convolution's result.</param>
    /// <param name="target">Where it goes.</param>
    void Store(F value, float* target);
}

internal readonly unsafe struct PlainOutput<F> : IWinogradOutput<F> where F : struct, ISimd<F>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => value.Store(target);
}

/// <summary>For outputs larger than the caches.</summary>
internal readonly unsafe struct StreamedOutput<F> : IWinogradOutput<F> where F : struct, ISimd<F>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => value.StoreNonTemporal(target);
}

/// <summary>max(low, value + bias).</summary>
internal readonly unsafe struct BiasOutput<F>(F bias, F low) : IWinogradOutput<F> where F : struct, ISimd<F>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => F.Max(low, value + bias).Store(target);
}

/// <summary>max(low, value + bias + residual), the residual at a fixed distance from the target.</summary>
internal readonly unsafe struct ResidualOutput<F>(F bias, F low, nint residual) : IWinogradOutput<F> where F : struct, ISimd<F>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => F.Max(low, value + bias + F.Load(target + residual)).Store(target);
}

/// <summary>
/// The transforms of Winograd's F(4×4, 3×3) (Lavin &amp; Gray 2015, points 0, ±1, ±2, ∞) for one tile and one channel block: each lane is a channel.
/// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A with d a 6×6 window of the input and Y 4×4 outputs.
/// </summary>
internal static unsafe class WinogradTransforms<F> where F : struct, ISimd<F>
{
    private const MethodImplOptions Optimized = MethodImplOptions.AggressiveOptimization;

    /// <summary>Floats of scratch that a transform needs.</summary>
    public static int ScratchLength => 36 * F.Width;

    /// <summary>V = Bᵀ d B: d is 6×6 pixels at <paramref name="d"/>, rows <paramref name="row"/> apart; frequency ξ goes to v + ξ·<paramref name="frequency"/>.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Input(float* d, nint row, float* v, nint frequency, float* scratch)
    {
        F four = F.Broadcast(4), five = F.Broadcast(5), two = F.Broadcast(2);
        nint w = F.Width;
        float* t = scratch;
        for (nint j = 0; j < 6; j++)
        {
            F d0 = F.Load(d), d1 = F.Load(d + row), d2 = F.Load(d + 2 * row), d3 = F.Load(d + 3 * row), d4 = F.Load(d + 4 * row), d5 = F.Load(d + 5 * row);
            F a = F.NegMulAdd(four, d2, d4), b = F.NegMulAdd(four, d1, d3), e = d4 - d2, f = d3 - d1;
            F.MulAdd(four, d0, F.NegMulAdd(five, d2, d4)).Store(t);
            (a + b).Store(t + 6 * w);
            (a - b).Store(t + 12 * w);
            F.MulAdd(two, f, e).Store(t + 18 * w);
            F.NegMulAdd(two, f, e).Store(t + 24 * w);
            F.MulAdd(four, d1, F.NegMulAdd(five, d3, d5)).Store(t + 30 * w);
            d += w;
            t += w;
        }
        t = scratch;
        for (nint i = 0; i < 6; i++)
        {
            F d0 = F.Load(t), d1 = F.Load(t + w), d2 = F.Load(t + 2 * w), d3 = F.Load(t + 3 * w), d4 = F.Load(t + 4 * w), d5 = F.Load(t + 5 * w);
            F a = F.NegMulAdd(four, d2, d4), b = F.NegMulAdd(four, d1, d3), e = d4 - d2, f = d3 - d1;
            F.MulAdd(four, d0, F.NegMulAdd(five, d2, d4)).Store(v);
            (a + b).Store(v + frequency);
            (a - b).Store(v + 2 * frequency);
            F.MulAdd(two, f, e).Store(v + 3 * frequency);
            F.NegMulAdd(two, f, e).Store(v + 4 * frequency);
            F.MulAdd(four, d1, F.NegMulAdd(five, d3, d5)).Store(v + 5 * frequency);
            v += 6 * frequency;
            t += 6 * w;
        }
    }

    /// <summary>Y = Aᵀ m A: 4×4 outputs at <paramref name="y"/> from the 6×6 frequencies at m + ξ·<paramref name="frequency"/>.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Output<TOutput>(float* m, nint frequency, float* y, nint row, float* scratch, TOutput output) where TOutput : struct, IWinogradOutput<F>
    {
        F four = F.Broadcast(4), eight = F.Broadcast(8), two = F.Broadcast(2);
        nint w = F.Width;
        float* t = scratch;
        for (nint j = 0; j < 6; j++)
        {
            F m0 = F.Load(m), m1 = F.Load(m + 6 * frequency), m2 = F.Load(m + 12 * frequency), m3 = F.Load(m + 18 * frequency), m4 = F.Load(m + 24 * frequency), m5 = F.Load(m + 30 * frequency);
            F s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
            (m0 + s1 + s2).Store(t);
            F.MulAdd(two, d2, d1).Store(t + 6 * w);
            F.MulAdd(four, s2, s1).Store(t + 12 * w);
            (F.MulAdd(eight, d2, d1) + m5).Store(t + 18 * w);
            m += frequency;
            t += w;
        }
        t = scratch;
        for (nint i = 0; i < 4; i++)
        {
            F m0 = F.Load(t), m1 = F.Load(t + w), m2 = F.Load(t + 2 * w), m3 = F.Load(t + 3 * w), m4 = F.Load(t + 4 * w), m5 = F.Load(t + 5 * w);
            F s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
            output.Store(m0 + s1 + s2, y);
            output.Store(F.MulAdd(two, d2, d1), y + w);
            output.Store(F.MulAdd(four, s2, s1), y + 2 * w);
            output.Store(F.MulAdd(eight, d2, d1) + m5, y + 3 * w);
            y += row;
            t += 6 * w;
        }
    }

    /// <summary>A dy Aᵀ, the adjoint of <see cref="Output"/>: 6×6 frequencies from 4×4 gradients.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void OutputAdjoint(float* dy, nint row, float* v, nint frequency, float* scratch)
    {
        F four = F.Broadcast(4), two = F.Broadcast(2);
        nint w = F.Width;
        float* t = scratch;
        for (nint j = 0; j < 4; j++)
        {
            F y0 = F.Load(dy), y1 = F.Load(dy + row), y2 = F.Load(dy + 2 * row), y3 = F.Load(dy + 3 * row);
            F a = y0 + y2, b = y1 + y3, e = F.MulAdd(four, y2, y0), f = two * F.MulAdd(four, y3, y1);
            y0.Store(t);
            (a + b).Store(t + 4 * w);
            (a - b).Store(t + 8 * w);
            (e + f).Store(t + 12 * w);
            (e - f).Store(t + 16 * w);
            y3.Store(t + 20 * w);
            dy += w;
            t += w;
        }
        t = scratch;
        for (nint i = 0; i < 6; i++)
        {
            F y0 = F.Load(t), y1 = F.Load(t + w), y2 = F.Load(t + 2 * w), y3 = F.Load(t + 3 * w);
            F a = y0 + y2, b = y1 + y3, e = F.MulAdd(four, y2, y0), f = two * F.MulAdd(four, y3, y1);
            y0.Store(v);
            (a + b).Store(v + frequency);
            (a - b).Store(v + 2 * frequency);
            (e + f).Store(v + 3 * frequency);
            (e - f).Store(v + 4 * frequency);
            y3.Store(v + 5 * frequency);
            v += 6 * frequency;
            t += 4 * w;
        }
    }

    /// <summary>U = G g Gᵀ: g is 3×3 vectors, tap after tap.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Weight(float* g, float* u, nint frequency, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 3; j++)
            WeightColumn(F.Load(g + j * w), F.Load(g + (3 + j) * w), F.Load(g + (6 + j) * w), scratch + j * w, 3 * w);
        for (nint i = 0; i < 6; i++)
            WeightColumn(F.Load(scratch + 3 * i * w), F.Load(scratch + (3 * i + 1) * w), F.Load(scratch + (3 * i + 2) * w), u + 6 * i * frequency, frequency);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightColumn(F g0, F g1, F g2, float* u, nint step)
    {
        F sixth = F.Broadcast(1f / 6), even = F.MulAdd(F.Broadcast(4), g2, g0), odd = F.Broadcast(2) * g1, sum = g0 + g2, twentyFourth = F.Broadcast(1f / 24);
        (g0 * F.Broadcast(0.25f)).Store(u);
        (F.Zero - (sum + g1) * sixth).Store(u + step);
        ((g1 - sum) * sixth).Store(u + 2 * step);
        ((even + odd) * twentyFourth).Store(u + 3 * step);
        ((even - odd) * twentyFourth).Store(u + 4 * step);
        g2.Store(u + 5 * step);
    }

    /// <summary>dg = Gᵀ dU G, the adjoint of <see cref="Weight"/>: 3×3 vectors, tap after tap.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void WeightAdjoint(float* u, nint frequency, float* dg, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 6; j++)
            WeightAdjointColumn(u + j * frequency, 6 * frequency, scratch + j * w, 6 * w);
        for (nint i = 0; i < 3; i++)
            WeightAdjointColumn(scratch + 6 * i * w, w, dg + 3 * i * w, w);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightAdjointColumn(float* u, nint from, float* g, nint to)
    {
        F u0 = F.Load(u), u1 = F.Load(u + from), u2 = F.Load(u + 2 * from), u3 = F.Load(u + 3 * from), u4 = F.Load(u + 4 * from), u5 = F.Load(u + 5 * from);
        F sixth = F.Broadcast(1f / 6), p = (u1 + u2) * sixth, r = u3 + u4;
        F.MulAdd(u0, F.Broadcast(0.25f), F.MulAdd(r, F.Broadcast(1f / 24), F.Zero - p)).Store(g);
        F.MulAdd(u2 - u1, sixth, (u3 - u4) * F.Broadcast(1f / 12)).Store(g + to);
        (F.MulAdd(r, sixth, u5) - p).Store(g + 2 * to);
    }
}
