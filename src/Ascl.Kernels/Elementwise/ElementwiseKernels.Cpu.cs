using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Elementwise;

public static unsafe partial class ElementwiseKernels
{
    private const int FloatsPerItem = 1 << 16;

    private static void RunCpu<TFormula>(CpuDevice device, DeviceBuffer<float> a, DeviceBuffer<float> b, float scale, DeviceBuffer<float> y)
        where TFormula : struct, IFormula
    {
        float* pa = CpuDevice.Pointer(a), pb = CpuDevice.Pointer(b), py = CpuDevice.Pointer(y);
        int length = y.Length;
        device.For((length + FloatsPerItem - 1) / FloatsPerItem, (item, _) =>
        {
            int from = item * FloatsPerItem, count = Math.Min(FloatsPerItem, length - from);
            switch (SimdWidth.Current)
            {
                case 16:
                    Range<TFormula, F16>(pa + from, pb + from, scale, py + from, count);
                    break;
                case 8:
                    Range<TFormula, F8>(pa + from, pb + from, scale, py + from, count);
                    break;
                default:
                    Range<TFormula, F4>(pa + from, pb + from, scale, py + from, count);
                    break;
            }
        });
    }

    /// <summary>Whole vectors, then a tail through a stack buffer, so that nothing is written past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Range<TFormula, F>(float* a, float* b, float scale, float* y, int count)
        where TFormula : struct, IFormula where F : struct, ISimd<F>
    {
        F s = F.Broadcast(scale);
        int i = 0;
        for (; i + F.Width <= count; i += F.Width)
            TFormula.Apply(F.Load(a + i), F.Load(b + i), s).Store(y + i);
        if (i < count)
        {
            float* rest = stackalloc float[16];
            TFormula.Apply(F.Load(a + i), F.Load(b + i), s).Store(rest);
            for (int j = 0; i + j < count; j++)
                y[i + j] = rest[j];
        }
    }
}
