using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Transforms for 3×3 convolution with stride 2 and padding 1, by phases. With e[i] = x[2i] and o[i] = x[2i + 1], in one dimension
///   y[i] = w₁·e[i] + w₀·o[i − 1] + w₂·o[i]:
/// a product with the even phase, and a two-tap correlation with the odd one, which Winograd's F(4, 2) does with 5 products for 4 results.
/// The interpolation
/// points ±½, ±1, ∞ give little more rounding error than direct convolution.
///   Bᵀ rows: ∓1/2 −1 ±1/2 1 0 | ∓1/4 −1/4 ±1 1 0 | 1/4 0 −5/4 0 1
///   G rows:  ∓4/3 −2/3 | ±2/3 2/3 | 0 1
///   Aᵀ rows: 1 1 1 1 0 | 1/2 −1/2 1 −1 0 | 1/4 1/4 1 1 0 | 1/8 −1/8 1 −1 1
/// In two dimensions each side of a tile of 4×4 results has 6 frequencies: the even phase with 4 rows, one per pixel, and the 5 points with
/// one row each. So
/// the 36 frequencies have 81 rows per tile: 81 products instead of 144. The input gradient is the transpose: the even phase of dx is
/// w₁·dy[i], its odd
/// phase w₂·dy[i] + w₀·dy[i + 1], a correlation with the flipped weights.
/// </summary>
internal static unsafe class PhaseTransforms<F> where F : struct, ISimd<F>
{
    private const MethodImplOptions Optimized = MethodImplOptions.AggressiveOptimization, Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Frequency 6a + b, with a for rows and b for columns; 0 is the even phase.</summary>
    public static int Rows(int frequency) => (frequency < 6 ? 4 : 1) * (frequency % 6 == 0 ? 4 : 1);

    public static int RowsBefore(int frequency)
    {
        var (a, b) = Math.DivRem(frequency, 6);
        return a == 0 ? (b == 0 ? 0 : 12 + 4 * b) : 27 + 9 * a + (b == 0 ? 0 : 3 + b);
    }

    /// <summary>The first frequency of even rows × odd columns; b = 1…5 are <see cref="EvenStep"/> apart.</summary>
    [MethodImpl(Inline)] private static float* EvenOdd(TileMemory v) => v.First + 16 * v.Slab + F.Width + 4 * v.At;
    [MethodImpl(Inline)] private static nint EvenStep(TileMemory v) => 4 * v.Slab + F.Width;

    /// <summary>The first frequency of odd rows × even columns; a = 1…5 are <see cref="OddStep"/> apart.</summary>
    [MethodImpl(Inline)] private static float* OddEven(TileMemory v) => v.First + 36 * v.Slab + 6 * F.Width + 4 * v.At;
    [MethodImpl(Inline)] private static nint OddStep(TileMemory v) => 9 * v.Slab + 6 * F.Width;

    /// <summary>
    /// The first frequency of odd rows × odd columns; a = 1…5 are <see cref="OddStep"/> apart, b = 1…5 <see cref="PointStep"/>.
    /// </summary>
    [MethodImpl(Inline)] private static float* OddOdd(TileMemory v) => v.First + 40 * v.Slab + 7 * F.Width + v.At;
    [MethodImpl(Inline)] private static nint PointStep(TileMemory v) => v.Slab + F.Width;

    /// <summary>
    /// All frequencies of a tile from its four phases, rows first, then columns. Per side, an even phase has 4 pixels and an odd one 5.
    /// </summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void Input(float* evenEven, float* evenOdd, float* oddEven, float* oddOdd, nint row, nint column, TileMemory v)
    {
        float* ee = v.First + 16 * v.At, eo = EvenOdd(v), oe = OddEven(v), oo = OddOdd(v);
        nint step = v.Step, evenStep = EvenStep(v), oddStep = OddStep(v), pointStep = PointStep(v);
        for (nint i = 0; i < 4; i++, ee += 4 * step, eo += step, oe += step, evenEven += row, evenOdd += row, oddEven += column)
        {
            F.Load(evenEven).Store(ee);
            F.Load(evenEven + column).Store(ee + step);
            F.Load(evenEven + 2 * column).Store(ee + 2 * step);
            F.Load(evenEven + 3 * column).Store(ee + 3 * step);
            Points(F.Load(evenOdd), F.Load(evenOdd + column), F.Load(evenOdd + 2 * column), F.Load(evenOdd + 3 * column),
                F.Load(evenOdd + 4 * column), eo, evenStep);
            Points(F.Load(oddEven), F.Load(oddEven + row), F.Load(oddEven + 2 * row), F.Load(oddEven + 3 * row), F.Load(oddEven + 4 * row),
                oe, oddStep);
        }
        // Rows ±½, then ±1, then ∞: at most 10 vectors are live at a time.
        for (int pair = 0; pair < 2; pair++, oo += 2 * oddStep)
        {
            F a0, a1, a2, a3, a4, b0, b1, b2, b3, b4;
            if (pair == 0)
            {
                Halves(oddOdd, row, out a0, out b0);
                Halves(oddOdd + column, row, out a1, out b1);
                Halves(oddOdd + 2 * column, row, out a2, out b2);
                Halves(oddOdd + 3 * column, row, out a3, out b3);
                Halves(oddOdd + 4 * column, row, out a4, out b4);
            }
            else
            {
                Ones(oddOdd, row, out a0, out b0);
                Ones(oddOdd + column, row, out a1, out b1);
                Ones(oddOdd + 2 * column, row, out a2, out b2);
                Ones(oddOdd + 3 * column, row, out a3, out b3);
                Ones(oddOdd + 4 * column, row, out a4, out b4);
            }
            Points(a0, a1, a2, a3, a4, oo, pointStep);
            Points(b0, b1, b2, b3, b4, oo + oddStep, pointStep);
        }
        Points(Infinity(oddOdd, row), Infinity(oddOdd + column, row), Infinity(oddOdd + 2 * column, row),
            Infinity(oddOdd + 3 * column, row), Infinity(oddOdd + 4 * column, row),
            oo, pointStep);
    }

    /// <summary>Bᵀ times one line of pixels.</summary>
    [MethodImpl(Inline)]
    private static void Points(F d0, F d1, F d2, F d3, F d4, float* v, nint step)
    {
        F quarter = F.Broadcast(0.25f), half = F.Broadcast(0.5f), d31 = d3 - d1, d20 = d2 - d0;
        F.MulAdd(half, d20, d31).Store(v);
        F.NegMulAdd(half, d20, d31).Store(v + step);
        F odd = F.NegMulAdd(quarter, d1, d3), even = F.NegMulAdd(quarter, d0, d2);
        (odd + even).Store(v + 2 * step);
        (odd - even).Store(v + 3 * step);
        F.NegMulAdd(F.Broadcast(1.25f), d2, F.MulAdd(quarter, d0, d4)).Store(v + 4 * step);
    }

    /// <summary>Rows ±½ of Bᵀ times one column.</summary>
    [MethodImpl(Inline)]
    private static void Halves(float* d, nint row, out F plus, out F minus)
    {
        F d31 = F.Load(d + 3 * row) - F.Load(d + row), d20 = F.Load(d + 2 * row) - F.Load(d), half = F.Broadcast(0.5f);
        plus = F.MulAdd(half, d20, d31);
        minus = F.NegMulAdd(half, d20, d31);
    }

    /// <summary>Rows ±1 of Bᵀ times one column.</summary>
    [MethodImpl(Inline)]
    private static void Ones(float* d, nint row, out F plus, out F minus)
    {
        F quarter = F.Broadcast(0.25f), odd = F.NegMulAdd(quarter, F.Load(d + row), F.Load(d + 3 * row));
        F even = F.NegMulAdd(quarter, F.Load(d), F.Load(d + 2 * row));
        plus = odd + even;
        minus = odd - even;
    }

    /// <summary>Row ∞ of Bᵀ times one column.</summary>
    [MethodImpl(Inline)]
    private static F Infinity(float* d, nint row) =>
        F.NegMulAdd(F.Broadcast(1.25f), F.Load(d + 2 * row), F.MulAdd(F.Broadcast(0.25f), F.Load(d), F.Load(d + 4 * row)));

    /// <summary>4×4 results: the sum over the phases, with the identity instead of Aᵀ along an even phase.</summary>
    public static void Sum<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F>
    {
        SumRows<FirstAndThird, TOutput>(m, 0, y, row, output);
        SumRows<SecondAndFourth, TOutput>(m, 1, y + row, row, output);
    }

    /// <summary>Results of rows <paramref name="i"/> and <paramref name="i"/> + 2.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    private static void SumRows<TRows, TOutput>(TileMemory m, nint i, float* y, nint row, TOutput output)
        where TRows : struct, IRowPair where TOutput : struct, IWinogradOutput<F>
    {
        F first = F.Zero, second = F.Zero;
        nint w = F.Width, step = m.Step, evenStep = EvenStep(m), oddStep = OddStep(m), pointStep = PointStep(m);
        float* ee = m.First + 16 * m.At + 4 * i * step, eo = EvenOdd(m) + i * step, oe = OddEven(m), oo = OddOdd(m);
        TRows.Of(oo, oddStep, out F a0, out F b0);
        TRows.Of(oo + pointStep, oddStep, out F a1, out F b1);
        TRows.Of(oo + 2 * pointStep, oddStep, out F a2, out F b2);
        TRows.Of(oo + 3 * pointStep, oddStep, out F a3, out F b3);
        TRows.Of(oo + 4 * pointStep, oddStep, out F a4, out F b4);
        SumPoints(a0, a1, a2, a3, a4, eo, evenStep, out a0, out a1, out a2, out a3);
        SumPoints(b0, b1, b2, b3, b4, eo + 2 * step, evenStep, out b0, out b1, out b2, out b3);
        TRows.Of(oe, oddStep, out F evenA, out F evenB);
        F upper0 = output.Store(a0 + evenA + F.Load(ee), y);
        F lower0 = output.Store(b0 + evenB + F.Load(ee + 8 * step), y + 2 * row);
        TRows.Of(oe + step, oddStep, out evenA, out evenB);
        F upper1 = output.Store(a1 + evenA + F.Load(ee + step), y + w);
        F lower1 = output.Store(b1 + evenB + F.Load(ee + 9 * step), y + 2 * row + w);
        TRows.Of(oe + 2 * step, oddStep, out evenA, out evenB);
        F upper2 = output.Store(a2 + evenA + F.Load(ee + 2 * step), y + 2 * w);
        F lower2 = output.Store(b2 + evenB + F.Load(ee + 10 * step), y + 2 * row + 2 * w);
        TRows.Of(oe + 3 * step, oddStep, out evenA, out evenB);
        F upper3 = output.Store(a3 + evenA + F.Load(ee + 3 * step), y + 3 * w);
        F lower3 = output.Store(b3 + evenB + F.Load(ee + 11 * step), y + 2 * row + 3 * w);
        first = output.First(output.First(output.First(output.First(first, upper0), upper1), upper2), upper3);
        first = output.First(output.First(output.First(output.First(first, lower0), lower1), lower2), lower3);
        second = output.Second(output.Second(output.Second(output.Second(second, upper0), upper1), upper2), upper3);
        second = output.Second(output.Second(output.Second(output.Second(second, lower0), lower1), lower2), lower3);
        output.Finish(first, second);
    }

    /// <summary>Aᵀ times one line of the points, for both phases of rows.</summary>
    [MethodImpl(Inline)]
    private static void SumPoints(F m0, F m1, F m2, F m3, F m4, float* even, nint step, out F y0, out F y1, out F y2, out F y3)
    {
        m0 += F.Load(even);
        m1 += F.Load(even + step);
        m2 += F.Load(even + 2 * step);
        m3 += F.Load(even + 3 * step);
        m4 += F.Load(even + 4 * step);
        Results(m0, m1, m2, m3, m4, out y0, out y1, out y2, out y3);
    }

    /// <summary>8×8 pixels of an input gradient: the four phases side by side.</summary>
    public static void Interleave<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F>
    {
        InterleaveEvenRows(m, y, 2 * row, output);
        InterleaveOddRows<FirstAndThird, TOutput>(m, y + row, 4 * row, output);
        InterleaveOddRows<SecondAndFourth, TOutput>(m, y + 3 * row, 4 * row, output);
    }

    [MethodImpl(Optimized), SkipLocalsInit]
    private static void InterleaveEvenRows<TOutput>(TileMemory m, float* y, nint row, TOutput output)
        where TOutput : struct, IWinogradOutput<F>
    {
        float* ee = m.First + 16 * m.At, eo = EvenOdd(m);
        nint w = F.Width, step = m.Step, evenStep = EvenStep(m);
        for (int i = 0; i < 4; i++, ee += 4 * step, eo += step, y += row)
        {
            output.Store(F.Load(ee), y);
            output.Store(F.Load(ee + step), y + 2 * w);
            output.Store(F.Load(ee + 2 * step), y + 4 * w);
            output.Store(F.Load(ee + 3 * step), y + 6 * w);
            OddPixels(F.Load(eo), F.Load(eo + evenStep), F.Load(eo + 2 * evenStep), F.Load(eo + 3 * evenStep), F.Load(eo + 4 * evenStep),
                y + w, output);
        }
    }

    /// <summary>Two of the four odd rows, <paramref name="row"/> apart.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    private static void InterleaveOddRows<TRows, TOutput>(TileMemory m, float* y, nint row, TOutput output)
        where TRows : struct, IRowPair where TOutput : struct, IWinogradOutput<F>
    {
        nint w = F.Width, step = m.Step, oddStep = OddStep(m), pointStep = PointStep(m);
        float* oe = OddEven(m), oo = OddOdd(m);
        for (nint j = 0; j < 4; j++, oe += step)
        {
            TRows.Of(oe, oddStep, out F first, out F second);
            output.Store(first, y + 2 * j * w);
            output.Store(second, y + row + 2 * j * w);
        }
        TRows.Of(oo, oddStep, out F a0, out F b0);
        TRows.Of(oo + pointStep, oddStep, out F a1, out F b1);
        TRows.Of(oo + 2 * pointStep, oddStep, out F a2, out F b2);
        TRows.Of(oo + 3 * pointStep, oddStep, out F a3, out F b3);
        TRows.Of(oo + 4 * pointStep, oddStep, out F a4, out F b4);
        OddPixels(a0, a1, a2, a3, a4, y + w, output);
        OddPixels(b0, b1, b2, b3, b4, y + row + w, output);
    }

    /// <summary>Aᵀ times one line, to every second pixel.</summary>
    [MethodImpl(Inline)]
    private static void OddPixels<TOutput>(F m0, F m1, F m2, F m3, F m4, float* y, TOutput output)
        where TOutput : struct, IWinogradOutput<F>
    {
        nint w = F.Width;
        Results(m0, m1, m2, m3, m4, out F y0, out F y1, out F y2, out F y3);
        output.Store(y0, y);
        output.Store(y1, y + 2 * w);
        output.Store(y2, y + 4 * w);
        output.Store(y3, y + 6 * w);
    }

    /// <summary>Aᵀ times one line.</summary>
    [MethodImpl(Inline)]
    private static void Results(F m0, F m1, F m2, F m3, F m4, out F y0, out F y1, out F y2, out F y3)
    {
        F s1 = m0 + m1, d1 = m0 - m1, s2 = m2 + m3, d2 = m2 - m3;
        y0 = s1 + s2;
        y1 = F.MulAdd(F.Broadcast(0.5f), d1, d2);
        y2 = F.MulAdd(F.Broadcast(0.25f), s1, s2);
        y3 = F.MulAdd(F.Broadcast(0.125f), d1, d2 + m4);
    }

    /// <summary>Two rows of Aᵀ with common subexpressions, times one column. In pairs, the columns of a tile stay in registers.</summary>
    private interface IRowPair
    {
        static abstract void Of(float* m, nint step, out F first, out F second);
    }

    private readonly struct FirstAndThird : IRowPair
    {
        [MethodImpl(Inline)]
        public static void Of(float* m, nint step, out F first, out F second)
        {
            F s1 = F.Load(m) + F.Load(m + step), s2 = F.Load(m + 2 * step) + F.Load(m + 3 * step);
            first = s1 + s2;
            second = F.MulAdd(F.Broadcast(0.25f), s1, s2);
        }
    }

    private readonly struct SecondAndFourth : IRowPair
    {
        [MethodImpl(Inline)]
        public static void Of(float* m, nint step, out F first, out F second)
        {
            F d1 = F.Load(m) - F.Load(m + step), d2 = F.Load(m + 2 * step) - F.Load(m + 3 * step);
            first = F.MulAdd(F.Broadcast(0.5f), d1, d2);
            second = F.MulAdd(F.Broadcast(0.125f), d1, d2 + F.Load(m + 4 * step));
        }
    }

    /// <summary>The adjoint of <see cref="Sum"/>: all frequencies of 4×4 gradients.</summary>
    [MethodImpl(Optimized), SkipLocalsInit]
    public static void SumAdjoint(float* dy, nint row, TileMemory v)
    {
        float* ee = v.First + 16 * v.At, eo = EvenOdd(v), oe = OddEven(v), oo = OddOdd(v);
        nint w = F.Width, step = v.Step, evenStep = EvenStep(v), oddStep = OddStep(v), pointStep = PointStep(v);
        for (nint i = 0; i < 4; i++, ee += 4 * step, eo += step, oe += step)
        {
            float* line = dy + i * row, column = dy + i * w;
            F y0 = F.Load(line), y1 = F.Load(line + w), y2 = F.Load(line + 2 * w), y3 = F.Load(line + 3 * w);
            y0.Store(ee);
            y1.Store(ee + step);
            y2.Store(ee + 2 * step);
            y3.Store(ee + 3 * step);
            AdjointPoints(y0, y1, y2, y3, eo, evenStep);
            AdjointPoints(F.Load(column), F.Load(column + row), F.Load(column + 2 * row), F.Load(column + 3 * row), oe, oddStep);
        }
        for (int pair = 0; pair < 2; pair++, oo += 2 * oddStep)
        {
            F square = F.Broadcast(pair == 0 ? 0.25f : 1), point = F.Broadcast(pair == 0 ? 0.5f : 1);
            AdjointPair(dy, row, square, point, out F a0, out F b0);
            AdjointPair(dy + w, row, square, point, out F a1, out F b1);
            AdjointPair(dy + 2 * w, row, square, point, out F a2, out F b2);
            AdjointPair(dy + 3 * w, row, square, point, out F a3, out F b3);
            AdjointPoints(a0, a1, a2, a3, oo, pointStep);
            AdjointPoints(b0, b1, b2, b3, oo + oddStep, pointStep);
        }
        dy += 3 * row;
        AdjointPoints(F.Load(dy), F.Load(dy + w), F.Load(dy + 2 * w), F.Load(dy + 3 * w), oo, pointStep);
    }

    /// <summary>A times one line.</summary>
    [MethodImpl(Inline)]
    private static void AdjointPoints(F y0, F y1, F y2, F y3, float* v, nint step)
    {
        F quarter = F.Broadcast(0.25f), half = F.Broadcast(0.5f), even = F.MulAdd(quarter, y2, y0), odd = F.MulAdd(quarter, y3, y1);
        F.MulAdd(half, odd, even).Store(v);
        F.NegMulAdd(half, odd, even).Store(v + step);
        F y02 = y0 + y2, y13 = y1 + y3;
        (y02 + y13).Store(v + 2 * step);
        (y02 - y13).Store(v + 3 * step);
        y3.Store(v + 4 * step);
    }

    /// <summary>Rows ±<paramref name="point"/> of A times one column.</summary>
    [MethodImpl(Inline)]
    private static void AdjointPair(float* dy, nint row, F square, F point, out F plus, out F minus)
    {
        F even = F.MulAdd(square, F.Load(dy + 2 * row), F.Load(dy)), odd = F.MulAdd(square, F.Load(dy + 3 * row), F.Load(dy + row));
        plus = F.MulAdd(point, odd, even);
        minus = F.NegMulAdd(point, odd, even);
    }

    /// <summary>Along one axis of the weights: tap 1 for an even phase, G of taps 0 and 2 for an odd one.</summary>
    [MethodImpl(Inline)]
    public static void WeightColumn(F g0, F g1, F g2, float* u, nint step)
    {
        F two = F.Broadcast(2), scale = F.Broadcast(2f / 3), minus = F.Broadcast(-2f / 3);
        g1.Store(u);
        (F.MulAdd(two, g0, g2) * minus).Store(u + step);
        (F.NegMulAdd(two, g0, g2) * minus).Store(u + 2 * step);
        ((g2 + g0) * scale).Store(u + 3 * step);
        ((g2 - g0) * scale).Store(u + 4 * step);
        g2.Store(u + 5 * step);
    }

    /// <summary>The adjoint of <see cref="WeightColumn"/>.</summary>
    [MethodImpl(Inline)]
    public static void WeightAdjointColumn(float* u, nint from, float* g, nint to)
    {
        F u1 = F.Load(u + from), u2 = F.Load(u + 2 * from), u3 = F.Load(u + 3 * from), u4 = F.Load(u + 4 * from);
        F twoThirds = F.Broadcast(2f / 3);
        (twoThirds * (F.MulAdd(F.Broadcast(2), u2 - u1, u3 - u4))).Store(g);
        F.Load(u).Store(g + to);
        F.MulAdd(twoThirds, (u3 + u4) - (u1 + u2), F.Load(u + 5 * from)).Store(g + 2 * to);
    }
}
