using System.Runtime.CompilerServices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Sums over taps, y[p] = Σ over t of w[t]·x[p·step + offsets[t]], for some pixels p of a row at once: a pixel is a vector of channels. The
/// sum of a pixel is one chain of fused multiply-adds whatever the number of pixels, so its bits do not depend on how a row was cut.
/// </summary>
internal static unsafe class DepthwiseTiles<F> where F : struct, ISimd<F>
{
    /// <summary>
    /// Pixels 0…<paramref name="count"/>−1 of a row. Where they are no multiple of a tile, the last tile computes some pixels once more.
    /// </summary>
    public static void Row<TStep>(
        int count, float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        int tile = count >= 14 && count % 14 == 0 ? 14 : count >= 8 ? 8 : count == 7 ? 7 : count >= 4 ? 4 : count >= 2 ? 2 : 1;
        for (int done = 0; done < count; done += tile)
        {
            int p = Math.Min(done, count - tile);
            float* from = x + (nint)p * TStep.Stride, to = y + p * yStep;
            if (tile == 14)
                Tile14<TStep>(from, offsets, taps, w, to, yStep, end);
            else if (tile == 8)
                Tile8<TStep>(from, offsets, taps, w, to, yStep, end);
            else if (tile == 7)
                Tile7<TStep>(from, offsets, taps, w, to, yStep, end);
            else if (tile == 4)
                Tile4<TStep>(from, offsets, taps, w, to, yStep, end);
            else if (tile == 2)
                Tile2<TStep>(from, offsets, taps, w, to, yStep, end);
            else
                Pixel(from, offsets, taps, w, to, end);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Pixel(float* x, nint* offsets, nint taps, float* w, float* y, in PixelEnding<F> end)
    {
        F sum = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
            sum = F.MulAdd(F.Load(w), F.Load(x + offsets[t]), sum);
        end.Store(sum, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Tile14<TStep>(float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        F a0 = F.Zero, a1 = F.Zero, a2 = F.Zero, a3 = F.Zero, a4 = F.Zero, a5 = F.Zero, a6 = F.Zero;
        F a7 = F.Zero, a8 = F.Zero, a9 = F.Zero, a10 = F.Zero, a11 = F.Zero, a12 = F.Zero, a13 = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
        {
            float* p = x + offsets[t];
            F k = F.Load(w);
            a0 = F.MulAdd(k, F.Load(p), a0);
            a1 = F.MulAdd(k, F.Load(p + TStep.Stride), a1);
            a2 = F.MulAdd(k, F.Load(p + 2 * TStep.Stride), a2);
            a3 = F.MulAdd(k, F.Load(p + 3 * TStep.Stride), a3);
            a4 = F.MulAdd(k, F.Load(p + 4 * TStep.Stride), a4);
            a5 = F.MulAdd(k, F.Load(p + 5 * TStep.Stride), a5);
            a6 = F.MulAdd(k, F.Load(p + 6 * TStep.Stride), a6);
            a7 = F.MulAdd(k, F.Load(p + 7 * TStep.Stride), a7);
            a8 = F.MulAdd(k, F.Load(p + 8 * TStep.Stride), a8);
            a9 = F.MulAdd(k, F.Load(p + 9 * TStep.Stride), a9);
            a10 = F.MulAdd(k, F.Load(p + 10 * TStep.Stride), a10);
            a11 = F.MulAdd(k, F.Load(p + 11 * TStep.Stride), a11);
            a12 = F.MulAdd(k, F.Load(p + 12 * TStep.Stride), a12);
            a13 = F.MulAdd(k, F.Load(p + 13 * TStep.Stride), a13);
        }
        end.Store(a0, y);
        end.Store(a1, y + yStep);
        end.Store(a2, y + 2 * yStep);
        end.Store(a3, y + 3 * yStep);
        end.Store(a4, y + 4 * yStep);
        end.Store(a5, y + 5 * yStep);
        end.Store(a6, y + 6 * yStep);
        end.Store(a7, y + 7 * yStep);
        end.Store(a8, y + 8 * yStep);
        end.Store(a9, y + 9 * yStep);
        end.Store(a10, y + 10 * yStep);
        end.Store(a11, y + 11 * yStep);
        end.Store(a12, y + 12 * yStep);
        end.Store(a13, y + 13 * yStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Tile8<TStep>(float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        F a0 = F.Zero, a1 = F.Zero, a2 = F.Zero, a3 = F.Zero, a4 = F.Zero, a5 = F.Zero, a6 = F.Zero, a7 = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
        {
            float* p = x + offsets[t];
            F k = F.Load(w);
            a0 = F.MulAdd(k, F.Load(p), a0);
            a1 = F.MulAdd(k, F.Load(p + TStep.Stride), a1);
            a2 = F.MulAdd(k, F.Load(p + 2 * TStep.Stride), a2);
            a3 = F.MulAdd(k, F.Load(p + 3 * TStep.Stride), a3);
            a4 = F.MulAdd(k, F.Load(p + 4 * TStep.Stride), a4);
            a5 = F.MulAdd(k, F.Load(p + 5 * TStep.Stride), a5);
            a6 = F.MulAdd(k, F.Load(p + 6 * TStep.Stride), a6);
            a7 = F.MulAdd(k, F.Load(p + 7 * TStep.Stride), a7);
        }
        end.Store(a0, y);
        end.Store(a1, y + yStep);
        end.Store(a2, y + 2 * yStep);
        end.Store(a3, y + 3 * yStep);
        end.Store(a4, y + 4 * yStep);
        end.Store(a5, y + 5 * yStep);
        end.Store(a6, y + 6 * yStep);
        end.Store(a7, y + 7 * yStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Tile7<TStep>(float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        F a0 = F.Zero, a1 = F.Zero, a2 = F.Zero, a3 = F.Zero, a4 = F.Zero, a5 = F.Zero, a6 = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
        {
            float* p = x + offsets[t];
            F k = F.Load(w);
            a0 = F.MulAdd(k, F.Load(p), a0);
            a1 = F.MulAdd(k, F.Load(p + TStep.Stride), a1);
            a2 = F.MulAdd(k, F.Load(p + 2 * TStep.Stride), a2);
            a3 = F.MulAdd(k, F.Load(p + 3 * TStep.Stride), a3);
            a4 = F.MulAdd(k, F.Load(p + 4 * TStep.Stride), a4);
            a5 = F.MulAdd(k, F.Load(p + 5 * TStep.Stride), a5);
            a6 = F.MulAdd(k, F.Load(p + 6 * TStep.Stride), a6);
        }
        end.Store(a0, y);
        end.Store(a1, y + yStep);
        end.Store(a2, y + 2 * yStep);
        end.Store(a3, y + 3 * yStep);
        end.Store(a4, y + 4 * yStep);
        end.Store(a5, y + 5 * yStep);
        end.Store(a6, y + 6 * yStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Tile4<TStep>(float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        F a0 = F.Zero, a1 = F.Zero, a2 = F.Zero, a3 = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
        {
            float* p = x + offsets[t];
            F k = F.Load(w);
            a0 = F.MulAdd(k, F.Load(p), a0);
            a1 = F.MulAdd(k, F.Load(p + TStep.Stride), a1);
            a2 = F.MulAdd(k, F.Load(p + 2 * TStep.Stride), a2);
            a3 = F.MulAdd(k, F.Load(p + 3 * TStep.Stride), a3);
        }
        end.Store(a0, y);
        end.Store(a1, y + yStep);
        end.Store(a2, y + 2 * yStep);
        end.Store(a3, y + 3 * yStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Tile2<TStep>(float* x, nint* offsets, nint taps, float* w, float* y, nint yStep, in PixelEnding<F> end)
        where TStep : struct, IRowStride
    {
        F a0 = F.Zero, a1 = F.Zero;
        for (nint t = 0; t < taps; t++, w += F.Width)
        {
            float* p = x + offsets[t];
            F k = F.Load(w);
            a0 = F.MulAdd(k, F.Load(p), a0);
            a1 = F.MulAdd(k, F.Load(p + TStep.Stride), a1);
        }
        end.Store(a0, y);
        end.Store(a1, y + yStep);
    }
}

/// <summary>What is applied to a pixel before the store: see <see cref="Conv2dEpilogue"/>.</summary>
/// <param name="bias">Of the pixel's channels.</param>
/// <param name="low">The least result: 0, or −∞ without a ReLU.</param>
/// <param name="high">The largest result; ∞ without a bound.</param>
/// <param name="residual">The residual's distance from the result in memory; 0 if there is none.</param>
/// <param name="gate">The gate's distance; 0 if there is none.</param>
/// <param name="gateHigh">The gate's upper bound; ∞ without one.</param>
internal readonly unsafe struct PixelEnding<F>(F bias, F low, F high, nint residual, nint gate, F gateHigh) where F : struct, ISimd<F>
{
    private readonly F bias = bias, low = low, high = high, gateHigh = gateHigh;
    private readonly nint residual = residual, gate = gate;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F sum, float* y)
    {
        F value = sum + bias;
        if (residual != 0)
            value += F.Load(y + residual);
        value = F.Min(high, F.Max(low, value));
        if (gate != 0)
        {
            F g = F.Load(y + gate);
            value = F.WherePositive(g, F.WherePositive(gateHigh - g, value));
        }
        value.Store(y);
    }
}
