using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Normalize;

internal abstract unsafe class NormalizeCpu
{
    public static readonly NormalizeCpu Instance =
        SimdWidth.Choose<NormalizeCpu>(() => new NormalizeCpu<F16>(), () => new NormalizeCpu<F8>(), () => new NormalizeCpu<F4>());

    public abstract void Forward(CpuDevice device, int n, int d, float* x, float* y, float* norms);
    public abstract void Backward(CpuDevice device, int n, int d, float* y, float* norms, float* dy, float* dx);
}

/// <summary>Lanes are coordinates; the tail of a row is scalar.</summary>
internal sealed unsafe class NormalizeCpu<F> : NormalizeCpu where F : struct, ISimd<F>
{
    private const float SmallestDivisor = 1e-12f;
    private const int ValuesPerItem = 1 << 14;

    public override void Forward(CpuDevice device, int n, int d, float* x, float* y, float* norms) => ForRows(device, n, d, i =>
    {
        float* row = x + (long)i * d;
        float norm = Norm(row, d);
        norms[i] = norm;
        Combine(row, row, 0, Math.Max(norm, SmallestDivisor), d, y + (long)i * d);
    });

    public override void Backward(CpuDevice device, int n, int d, float* y, float* norms, float* dy, float* dx) =>
        ForRows(device, n, d, i =>
    {
        long at = (long)i * d;
        if (norms[i] == 0)
            new Span<float>(dx + at, d).Clear();
        else
            Combine(dy + at, y + at, norms[i] < SmallestDivisor ? 0 : Dot(y + at, dy + at, d), Math.Max(norms[i], SmallestDivisor), d,
                dx + at);
    });

    private static void ForRows(CpuDevice device, int n, int d, Action<int> body)
    {
        int rows = Math.Max(1, ValuesPerItem / Math.Max(1, d));
        device.For((n + rows - 1) / rows, (item, _) =>
        {
            for (int i = item * rows; i < Math.Min(n, (item + 1) * rows); i++)
                body(i);
        });
    }

    /// <summary>‖row‖ in float, or in double if its square would overflow or underflow a float.</summary>
    private static float Norm(float* row, int d)
    {
        float squares = Dot(row, row, d);
        if (squares is > 1e-30f and < 1e37f)
            return MathF.Sqrt(squares);
        double exact = 0;
        for (int k = 0; k < d; k++)
            exact += (double)row[k] * row[k];
        return (float)Math.Sqrt(exact);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot(float* a, float* b, int d)
    {
        F sum = F.Zero;
        int k = 0;
        for (; k + F.Width <= d; k += F.Width)
            sum = F.MulAdd(F.Load(a + k), F.Load(b + k), sum);
        float rest = 0;
        for (; k < d; k++)
            rest += a[k] * b[k];
        return F.Sum(sum) + rest;
    }

    /// <summary>result = (a − factor·b) / divisor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine(float* a, float* b, float factor, float divisor, int d, float* result)
    {
        F f = F.Broadcast(factor), by = F.Broadcast(divisor);
        int k = 0;
        for (; k + F.Width <= d; k += F.Width)
            (F.NegMulAdd(f, F.Load(b + k), F.Load(a + k)) / by).Store(result + k);
        for (; k < d; k++)
            result[k] = MathF.FusedMultiplyAdd(-factor, b[k], a[k]) / divisor;
    }
}
