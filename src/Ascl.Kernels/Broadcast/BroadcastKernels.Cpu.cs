using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Broadcast;

/// <summary>A work item is a range of the result: runs along the innermost dimension, where each operand has stride 1 or 0.</summary>
public static unsafe partial class BroadcastKernels
{
    private const int FloatsPerItem = 1 << 14;

    private static void RunCpu<TFormula>(
        CpuDevice device, BroadcastGeometry geometry, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> c,
        DeviceBuffer<float> y)
        where TFormula : struct, ITernaryFormula
    {
        float* pa = CpuDevice.Pointer(a), pb = CpuDevice.Pointer(b), pc = CpuDevice.Pointer(c), py = CpuDevice.Pointer(y);
        StridedWalk walk = geometry.Walk;
        device.For((walk.Length + FloatsPerItem - 1) / FloatsPerItem, (item, _) =>
        {
            int from = item * FloatsPerItem, to = Math.Min(walk.Length, from + FloatsPerItem);
            switch (SimdWidth.Current)
            {
                case 16:
                    Range<TFormula, F16>(walk, from, to, pa, pb, pc, py);
                    break;
                case 8:
                    Range<TFormula, F8>(walk, from, to, pa, pb, pc, py);
                    break;
                default:
                    Range<TFormula, F4>(walk, from, to, pa, pb, pc, py);
                    break;
            }
        });
    }

    private static void Range<TFormula, F>(StridedWalk walk, int from, int to, float* a, float* b, float* c, float* y)
        where TFormula : struct, ITernaryFormula where F : struct, ISimd<F>
    {
        int inner = walk.Inner, row = from / inner, start = from - row * inner;
        int stepA = walk.Strides[0][^1], stepB = walk.Strides[1][^1], stepC = walk.Strides[2][^1];
        Span<nint> offsets = stackalloc nint[3];
        Span<int> at = stackalloc int[StridedWalk.MostDimensions];
        walk.Begin(row, offsets, at);
        while (from < to)
        {
            int count = Math.Min(inner - start, to - from);
            Run<TFormula, F>(a + offsets[0] + (nint)start * stepA, stepA, b + offsets[1] + (nint)start * stepB, stepB,
                c + offsets[2] + (nint)start * stepC, stepC, y + from, count);
            from += count;
            start = 0;
            walk.Next(offsets, at);
        }
    }

    /// <summary>Whole vectors, then a tail through a stack buffer, so that nothing is written past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TFormula, F>(float* a, int stepA, float* b, int stepB, float* c, int stepC, float* y, int count)
        where TFormula : struct, ITernaryFormula where F : struct, ISimd<F>
    {
        F va = F.Broadcast(*a), vb = F.Broadcast(*b), vc = F.Broadcast(*c);
        int i = 0;
        for (; i + F.Width <= count; i += F.Width)
        {
            if (stepA != 0)
                va = F.Load(a + i);
            if (stepB != 0)
                vb = F.Load(b + i);
            if (stepC != 0)
                vc = F.Load(c + i);
            TFormula.Apply(va, vb, vc).Store(y + i);
        }
        if (i == count)
            return;
        float* rest = stackalloc float[16];
        TFormula.Apply(stepA != 0 ? F.Load(a + i) : va, stepB != 0 ? F.Load(b + i) : vb, stepC != 0 ? F.Load(c + i) : vc).Store(rest);
        for (int j = 0; i + j < count; j++)
            y[i + j] = rest[j];
    }
}
