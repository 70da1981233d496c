using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Unary;

public static unsafe partial class UnaryKernels
{
    private const int FloatsPerItem = 1 << 14;

    /// <summary>One direction of a formula: of (x, x) or of (dy, x).</summary>
    private interface IPass
    {
        static abstract F Apply<F>(F a, F x, F p, F q) where F : struct, ISimd<F>;
    }

    private readonly struct ForwardPass<TFormula> : IPass where TFormula : struct, IUnaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F x, F p, F q) where F : struct, ISimd<F> => TFormula.Value(x, p, q);
    }

    private readonly struct BackwardPass<TFormula> : IPass where TFormula : struct, IUnaryFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F x, F p, F q) where F : struct, ISimd<F> => TFormula.Gradient(a, x, p, q);
    }

    private static void RunCpu<TPass>(
        CpuDevice device, float p, float q, DeviceBuffer<float> a, DeviceBuffer<float> x, DeviceBuffer<float> y)
        where TPass : struct, IPass
    {
        float* pa = CpuDevice.Pointer(a), px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y);
        int length = y.Length;
        device.For((length + FloatsPerItem - 1) / FloatsPerItem, (item, _) =>
        {
            int from = item * FloatsPerItem, count = Math.Min(FloatsPerItem, length - from);
            switch (SimdWidth.Current)
            {
                case 16:
                    Range<TPass, F16>(p, q, pa + from, px + from, py + from, count);
                    break;
                case 8:
                    Range<TPass, F8>(p, q, pa + from, px + from, py + from, count);
                    break;
                default:
                    Range<TPass, F4>(p, q, pa + from, px + from, py + from, count);
                    break;
            }
        });
    }

    /// <summary>Whole vectors, then a tail through a stack buffer, so that nothing is written past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Range<TPass, F>(float p, float q, float* a, float* x, float* y, int count)
        where TPass : struct, IPass where F : struct, ISimd<F>
    {
        F vp = F.Broadcast(p), vq = F.Broadcast(q);
        int i = 0;
        for (; i + F.Width <= count; i += F.Width)
            TPass.Apply(F.Load(a + i), F.Load(x + i), vp, vq).Store(y + i);
        if (i < count)
        {
            float* rest = stackalloc float[16];
            TPass.Apply(F.Load(a + i), F.Load(x + i), vp, vq).Store(rest);
            for (int j = 0; i + j < count; j++)
                y[i + j] = rest[j];
        }
    }
}
