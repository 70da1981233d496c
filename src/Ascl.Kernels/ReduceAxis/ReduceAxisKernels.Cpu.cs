using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.ReduceAxis;

internal abstract class ReduceAxisCpu
{
    public abstract void Sum(
        CpuDevice device, int outer, int size, int run, int inner, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y);

    public abstract void Max(CpuDevice device, int outer, int size, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y);

    public abstract void MaxBackward(
        CpuDevice device, int outer, int size, int inner, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y,
        DeviceBuffer<float> dx);
}

/// <summary>A work item reduces a few runs, lanes along the inner dimension, or along the run itself if there is none.</summary>
internal sealed unsafe class ReduceAxisCpu<F> : ReduceAxisCpu where F : struct, ISimd<F>
{
    private const int FloatsPerItem = 1 << 14;

    private interface ICombine
    {
        static abstract F Of(F sum, F next);

        static abstract float Of(float sum, float next);

        /// <summary>All lanes of whole vectors.</summary>
        static abstract float Lanes(F sums);
    }

    private readonly struct Addition : ICombine
    {
        public static F Of(F sum, F next) => sum + next;

        public static float Of(float sum, float next) => sum + next;

        public static float Lanes(F sums) => F.Sum(sums);
    }

    private readonly struct Larger : ICombine
    {
        public static F Of(F sum, F next) => F.Max(sum, next);

        public static float Of(float sum, float next) => MathF.Max(sum, next);

        public static float Lanes(F sums) => F.MaxLane(sums);
    }

    public override void Sum(
        CpuDevice device, int outer, int size, int run, int inner, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y) =>
        ForRuns<Addition>(device, outer, size, run, inner, CpuDevice.Pointer(x), scale, CpuDevice.Pointer(y));

    public override void Max(CpuDevice device, int outer, int size, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
        ForRuns<Larger>(device, outer, size, size, inner, CpuDevice.Pointer(x), 1, CpuDevice.Pointer(y));

    private static void ForRuns<TCombine>(CpuDevice device, int outer, int size, int run, int inner, float* x, float scale, float* y)
        where TCombine : struct, ICombine
    {
        int runs = run == 0 ? 1 : (size + run - 1) / run, each = Math.Max(1, FloatsPerItem / Math.Max(1, run * inner));
        device.For((outer * runs + each - 1) / each, (item, _) =>
        {
            for (int i = item * each; i < Math.Min(outer * runs, (item + 1) * each); i++)
            {
                int o = i / runs, first = (i - o * runs) * run, count = Math.Min(run, size - first);
                float* from = x + ((nint)o * size + first) * inner, to = y + (nint)i * inner;
                if (count == 0)
                    new Span<float>(to, inner).Clear();
                else if (inner == 1)
                    *to = scale * Along<TCombine>(from, count);
                else
                    Across<TCombine>(from, count, inner, scale, to);
            }
        });
    }

    /// <summary>Four vectors side by side, so that their additions overlap and sums stay accurate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Along<TCombine>(float* x, int count) where TCombine : struct, ICombine
    {
        int i = 0;
        float result;
        if (count >= 4 * F.Width)
        {
            F a = F.Load(x), b = F.Load(x + F.Width), c = F.Load(x + 2 * F.Width), d = F.Load(x + 3 * F.Width);
            for (i = 4 * F.Width; i + 4 * F.Width <= count; i += 4 * F.Width)
            {
                a = TCombine.Of(a, F.Load(x + i));
                b = TCombine.Of(b, F.Load(x + i + F.Width));
                c = TCombine.Of(c, F.Load(x + i + 2 * F.Width));
                d = TCombine.Of(d, F.Load(x + i + 3 * F.Width));
            }
            F all = TCombine.Of(TCombine.Of(a, b), TCombine.Of(c, d));
            for (; i + F.Width <= count; i += F.Width)
                all = TCombine.Of(all, F.Load(x + i));
            result = TCombine.Lanes(all);
        }
        else if (count >= F.Width)
        {
            F all = F.Load(x);
            for (i = F.Width; i + F.Width <= count; i += F.Width)
                all = TCombine.Of(all, F.Load(x + i));
            result = TCombine.Lanes(all);
        }
        else
        {
            result = x[0];
            i = 1;
        }
        for (; i < count; i++)
            result = TCombine.Of(result, x[i]);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Across<TCombine>(float* x, int count, int inner, float scale, float* y) where TCombine : struct, ICombine
    {
        F s = F.Broadcast(scale);
        int i = 0;
        for (; i + 4 * F.Width <= inner; i += 4 * F.Width)
        {
            float* from = x + i;
            F a = F.Load(from), b = F.Load(from + F.Width), c = F.Load(from + 2 * F.Width), d = F.Load(from + 3 * F.Width);
            for (int r = 1; r < count; r++)
            {
                from += inner;
                a = TCombine.Of(a, F.Load(from));
                b = TCombine.Of(b, F.Load(from + F.Width));
                c = TCombine.Of(c, F.Load(from + 2 * F.Width));
                d = TCombine.Of(d, F.Load(from + 3 * F.Width));
            }
            (s * a).Store(y + i);
            (s * b).Store(y + i + F.Width);
            (s * c).Store(y + i + 2 * F.Width);
            (s * d).Store(y + i + 3 * F.Width);
        }
        float* rest = stackalloc float[16];
        for (; i < inner; i += F.Width)
        {
            // Past the end of the last row there is memory to read (CpuBuffer).
            F a = F.Load(x + i);
            for (int r = 1; r < count; r++)
                a = TCombine.Of(a, F.Load(x + (nint)r * inner + i));
            (s * a).Store(rest);
            for (int j = 0; j < Math.Min(F.Width, inner - i); j++)
                y[i + j] = rest[j];
        }
    }

    public override void MaxBackward(
        CpuDevice device, int outer, int size, int inner, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y,
        DeviceBuffer<float> dx)
    {
        float* pdy = CpuDevice.Pointer(dy), px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y), pdx = CpuDevice.Pointer(dx);
        int each = Math.Max(1, FloatsPerItem / (size * inner));
        device.For((outer + each - 1) / each, (item, _) =>
        {
            for (int o = item * each; o < Math.Min(outer, (item + 1) * each); o++)
            {
                nint at = (nint)o * size * inner, result = (nint)o * inner;
                new Span<float>(pdx + at, size * inner).Clear();
                if (inner == 1)
                {
                    int first = new ReadOnlySpan<float>(px + at, size).IndexOf(py[result]);
                    pdx[at + Math.Max(0, first)] = pdy[result];
                    continue;
                }
                for (int i = 0; i < inner; i++)
                {
                    int r = 0;
                    while (r < size - 1 && px[at + (nint)r * inner + i] != py[result + i])
                        r++;
                    pdx[at + (nint)r * inner + i] = pdy[result + i];
                }
            }
        });
    }
}
