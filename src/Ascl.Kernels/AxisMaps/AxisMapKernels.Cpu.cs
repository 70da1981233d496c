using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.AxisMaps;

internal abstract class AxisMapCpu
{
    public abstract void Apply(CpuDevice device, AxisMap map, int outer, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y);
}

/// <summary>A work item computes some rows [inner] of y. Maps that only copy do so by runs.</summary>
internal sealed unsafe class AxisMapCpu<F> : AxisMapCpu where F : struct, ISimd<F>
{
    private const int FloatsPerItem = 1 << 14;

    public override void Apply(CpuDevice device, AxisMap map, int outer, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        float* px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y);
        if (map.Runs is { } runs)
        {
            int sets = Math.Max(1, FloatsPerItem / (map.Outputs * inner));
            device.For((outer + sets - 1) / sets, (item, _) =>
            {
                for (int n = item * sets; n < Math.Min(outer, (item + 1) * sets); n++)
                    Copy(runs, inner, px + (nint)n * map.Inputs * inner, py + (nint)n * map.Outputs * inner);
            });
            return;
        }
        int rows = outer * map.Outputs, each = Math.Max(1, FloatsPerItem / inner);
        device.For((rows + each - 1) / each, (item, _) =>
        {
            ReadOnlySpan<int> starts = map.Starts;
            for (int row = item * each; row < Math.Min(rows, (item + 1) * each); row++)
            {
                int n = row / map.Outputs, o = row - n * map.Outputs, first = starts[o], count = starts[o + 1] - first;
                ReadOnlySpan<int> indices = map.Indices.Slice(first, count);
                ReadOnlySpan<float> weights = map.Weights.Slice(first, count);
                float* from = px + (nint)n * map.Inputs * inner, to = py + (nint)row * inner;
                if (inner == 1)
                    *to = Gather(from, indices, weights);
                else
                    Combine(from, inner, indices, weights, to);
            }
        });
    }

    private static void Copy((int First, int From, int Count)[] runs, int inner, float* x, float* y)
    {
        foreach (var (first, from, count) in runs)
            if (from < 0)
                new Span<float>(y + (nint)first * inner, count * inner).Clear();
            else if (count * inner == 1)
                y[first] = x[from];
            else
                new ReadOnlySpan<float>(x + (nint)from * inner, count * inner).CopyTo(
                    new Span<float>(y + (nint)first * inner, count * inner));
    }

    private static float Gather(float* x, ReadOnlySpan<int> indices, ReadOnlySpan<float> weights)
    {
        float sum = 0;
        for (int j = 0; j < indices.Length; j++)
            sum += weights[j] * x[indices[j]];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine(float* x, int inner, ReadOnlySpan<int> indices, ReadOnlySpan<float> weights, float* y)
    {
        int i = 0;
        for (; i + F.Width <= inner; i += F.Width)
            At(x + i, inner, indices, weights).Store(y + i);
        if (i == inner)
            return;
        float* rest = stackalloc float[16];
        At(x + i, inner, indices, weights).Store(rest);
        for (int j = 0; i + j < inner; j++)
            y[i + j] = rest[j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F At(float* x, int inner, ReadOnlySpan<int> indices, ReadOnlySpan<float> weights)
    {
        F sum = F.Zero;
        for (int j = 0; j < indices.Length; j++)
            sum = F.MulAdd(F.Broadcast(weights[j]), F.Load(x + (nint)indices[j] * inner), sum);
        return sum;
    }
}
