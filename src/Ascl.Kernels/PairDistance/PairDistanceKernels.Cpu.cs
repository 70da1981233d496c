using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.PairDistance;

internal abstract unsafe class PairDistanceCpu
{
    public static readonly PairDistanceCpu Instance =
        SimdWidth.Choose<PairDistanceCpu>(() => new PairDistanceCpu<F16>(), () => new PairDistanceCpu<F8>(),
            () => new PairDistanceCpu<F4>());

    public abstract void Forward(CpuDevice device, int n, int m, int d, float* a, float* b, float* distances);

    /// <param name="dDistances">dD of own row i and other row j, at i·<paramref name="row"/> + j·<paramref name="column"/>.</param>
    public abstract void Backward(
        CpuDevice device, (int Own, int Other, int D) sizes, float* own, float* other, float* dDistances, int row, int column,
        float* gradient);
}

/// <summary>An item is a row of the result; lanes are coordinates, and the tail of a row is scalar.</summary>
internal sealed unsafe class PairDistanceCpu<F> : PairDistanceCpu where F : struct, ISimd<F>
{
    public override void Forward(CpuDevice device, int n, int m, int d, float* a, float* b, float* distances) => device.For(n, (i, _) =>
    {
        float* own = a + (nint)i * d;
        for (int j = 0; j < m; j++)
            distances[(nint)i * m + j] = Distance(own, b + (nint)j * d, d);
    });

    public override void Backward(
        CpuDevice device, (int Own, int Other, int D) sizes, float* own, float* other, float* dDistances, int row, int column,
        float* gradient) =>
        device.For(sizes.Own, (i, _) =>
        {
            int d = sizes.D, k = 0;
            float* x = own + (nint)i * d, weights = dDistances + (nint)i * row, to = gradient + (nint)i * d;
            for (; k + F.Width <= d; k += F.Width)
            {
                F at = F.Load(x + k), sum = F.Zero;
                for (int j = 0; j < sizes.Other; j++)
                    sum += F.TimesSign(F.Broadcast(weights[(nint)j * column]), at - F.Load(other + (nint)j * d + k));
                sum.Store(to + k);
            }
            for (; k < d; k++)
            {
                float sum = 0;
                for (int j = 0; j < sizes.Other; j++)
                    sum += weights[(nint)j * column] * Sign(x[k] - other[(nint)j * d + k]);
                to[k] = sum;
            }
        });

    private static float Distance(float* a, float* b, int d)
    {
        F sum = F.Zero;
        int k = 0;
        for (; k + F.Width <= d; k += F.Width)
            sum += F.Abs(F.Load(a + k) - F.Load(b + k));
        float rest = 0;
        for (; k < d; k++)
            rest += MathF.Abs(a[k] - b[k]);
        return F.Sum(sum) + rest;
    }

    /// <summary>sign, with 0 for NaN, for which MathF.Sign throws.</summary>
    private static float Sign(float x) => x > 0 ? 1 : x < 0 ? -1 : 0;
}
