using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The weight gradient of a depthwise convolution: dw[t] = Σ over pixels of dy[p]·x[p·Stride + offset of t]; a lane is a channel, and the
/// sums of up to nine taps are in registers.
/// </summary>
internal static unsafe class DepthwiseWeightGradient<F> where F : struct, ISimd<F>
{
    /// <summary>
    /// A work item is some images of a channel block. Each image's sums are made by themselves and then added to the others' in order, so
    /// the result does not depend on the number of threads, and no sum is longer than an image.
    /// </summary>
    public static void Run(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw)
    {
        PlaneView from = PlaneView.WithHalo(device, g.Input, x, g.InputReach, out DeviceBuffer<float>? copy), gradient = new(g.Output, dy);
        int taps = g.R * g.S, blocks = g.Input.Blocks, parts = Math.Min(g.Input.N, 8), length = taps * F.Width;
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        using CpuOffsets list = new(taps);
        for (int t = 0; t < taps; t++)
            list[t] = (t / g.S * vertical.Dilation - vertical.Padding) * from.Row
                + (t % g.S * horizontal.Dilation - horizontal.Padding) * F.Width;
        nint* offsets = list.Pointer;
        DeviceBuffer<float> partial = device.Pool.Rent(checked(parts * blocks * length), 0);
        float* sums = CpuDevice.Pointer(partial);
        device.For(parts * blocks, (item, worker) =>
        {
            (int part, int block) = Math.DivRem(item, blocks);
            float* image = device.Scratch(worker, length), sum = sums + (nint)item * length;
            new Span<float>(sum, length).Clear();
            int begin = (int)((long)g.Input.N * part / parts), end = (int)((long)g.Input.N * (part + 1) / parts);
            for (int n = begin; n < end; n++)
            {
                new Span<float>(image, length).Clear();
                float* px = from.First + n * from.Image + block * from.Plane;
                float* pdy = gradient.First + n * gradient.Image + block * gradient.Plane;
                for (int row = 0; row < g.Output.H; row++)
                    AddRow(pdy + row * gradient.Row, g.Output.W, px + row * vertical.Stride * from.Row, horizontal.Stride * F.Width,
                        offsets, taps, image);
                for (int i = 0; i < length; i += F.Width)
                    (F.Load(sum + i) + F.Load(image + i)).Store(sum + i);
            }
        });
        for (int c = 0; c < g.C; c++)
            for (int t = 0; t < taps; t++)
            {
                float total = 0;
                for (int part = 0; part < parts; part++)
                    total += sums[((nint)part * blocks + c / F.Width) * length + t * F.Width + c % F.Width];
                dw[c * taps + t] = total;
            }
        device.Pool.Return(partial);
        if (copy is not null)
            device.Pool.Return(copy);
    }

    private static void AddRow(float* dy, nint count, float* x, nint xStep, nint* offsets, int taps, float* sums)
    {
        while (taps > 0)
        {
            int some = taps % 7 == 0 ? 7 : taps >= 9 ? 9 : taps >= 5 ? 5 : taps >= 3 ? 3 : 1;
            if (some == 9)
                Add9(dy, count, x, xStep, offsets, sums);
            else if (some == 7)
                Add7(dy, count, x, xStep, offsets, sums);
            else if (some == 5)
                Add5(dy, count, x, xStep, offsets, sums);
            else if (some == 3)
                Add3(dy, count, x, xStep, offsets, sums);
            else
                Add1(dy, count, x, xStep, offsets, sums);
            offsets += some;
            sums += some * F.Width;
            taps -= some;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Add9(float* dy, nint count, float* x, nint xStep, nint* offsets, float* sums)
    {
        nint o0 = offsets[0], o1 = offsets[1], o2 = offsets[2], o3 = offsets[3], o4 = offsets[4];
        nint o5 = offsets[5], o6 = offsets[6], o7 = offsets[7], o8 = offsets[8];
        F a0 = F.Load(sums), a1 = F.Load(sums + F.Width), a2 = F.Load(sums + 2 * F.Width), a3 = F.Load(sums + 3 * F.Width),
            a4 = F.Load(sums + 4 * F.Width), a5 = F.Load(sums + 5 * F.Width), a6 = F.Load(sums + 6 * F.Width),
            a7 = F.Load(sums + 7 * F.Width), a8 = F.Load(sums + 8 * F.Width);
        for (nint i = 0; i < count; i++, dy += F.Width, x += xStep)
        {
            F d = F.Load(dy);
            a0 = F.MulAdd(d, F.Load(x + o0), a0);
            a1 = F.MulAdd(d, F.Load(x + o1), a1);
            a2 = F.MulAdd(d, F.Load(x + o2), a2);
            a3 = F.MulAdd(d, F.Load(x + o3), a3);
            a4 = F.MulAdd(d, F.Load(x + o4), a4);
            a5 = F.MulAdd(d, F.Load(x + o5), a5);
            a6 = F.MulAdd(d, F.Load(x + o6), a6);
            a7 = F.MulAdd(d, F.Load(x + o7), a7);
            a8 = F.MulAdd(d, F.Load(x + o8), a8);
        }
        a0.Store(sums);
        a1.Store(sums + F.Width);
        a2.Store(sums + 2 * F.Width);
        a3.Store(sums + 3 * F.Width);
        a4.Store(sums + 4 * F.Width);
        a5.Store(sums + 5 * F.Width);
        a6.Store(sums + 6 * F.Width);
        a7.Store(sums + 7 * F.Width);
        a8.Store(sums + 8 * F.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Add7(float* dy, nint count, float* x, nint xStep, nint* offsets, float* sums)
    {
        nint o0 = offsets[0], o1 = offsets[1], o2 = offsets[2], o3 = offsets[3];
        nint o4 = offsets[4], o5 = offsets[5], o6 = offsets[6];
        F a0 = F.Load(sums), a1 = F.Load(sums + F.Width), a2 = F.Load(sums + 2 * F.Width), a3 = F.Load(sums + 3 * F.Width),
            a4 = F.Load(sums + 4 * F.Width), a5 = F.Load(sums + 5 * F.Width), a6 = F.Load(sums + 6 * F.Width);
        for (nint i = 0; i < count; i++, dy += F.Width, x += xStep)
        {
            F d = F.Load(dy);
            a0 = F.MulAdd(d, F.Load(x + o0), a0);
            a1 = F.MulAdd(d, F.Load(x + o1), a1);
            a2 = F.MulAdd(d, F.Load(x + o2), a2);
            a3 = F.MulAdd(d, F.Load(x + o3), a3);
            a4 = F.MulAdd(d, F.Load(x + o4), a4);
            a5 = F.MulAdd(d, F.Load(x + o5), a5);
            a6 = F.MulAdd(d, F.Load(x + o6), a6);
        }
        a0.Store(sums);
        a1.Store(sums + F.Width);
        a2.Store(sums + 2 * F.Width);
        a3.Store(sums + 3 * F.Width);
        a4.Store(sums + 4 * F.Width);
        a5.Store(sums + 5 * F.Width);
        a6.Store(sums + 6 * F.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Add5(float* dy, nint count, float* x, nint xStep, nint* offsets, float* sums)
    {
        nint o0 = offsets[0], o1 = offsets[1], o2 = offsets[2], o3 = offsets[3], o4 = offsets[4];
        F a0 = F.Load(sums), a1 = F.Load(sums + F.Width), a2 = F.Load(sums + 2 * F.Width), a3 = F.Load(sums + 3 * F.Width),
            a4 = F.Load(sums + 4 * F.Width);
        for (nint i = 0; i < count; i++, dy += F.Width, x += xStep)
        {
            F d = F.Load(dy);
            a0 = F.MulAdd(d, F.Load(x + o0), a0);
            a1 = F.MulAdd(d, F.Load(x + o1), a1);
            a2 = F.MulAdd(d, F.Load(x + o2), a2);
            a3 = F.MulAdd(d, F.Load(x + o3), a3);
            a4 = F.MulAdd(d, F.Load(x + o4), a4);
        }
        a0.Store(sums);
        a1.Store(sums + F.Width);
        a2.Store(sums + 2 * F.Width);
        a3.Store(sums + 3 * F.Width);
        a4.Store(sums + 4 * F.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Add3(float* dy, nint count, float* x, nint xStep, nint* offsets, float* sums)
    {
        nint o0 = offsets[0], o1 = offsets[1], o2 = offsets[2];
        F a0 = F.Load(sums), a1 = F.Load(sums + F.Width), a2 = F.Load(sums + 2 * F.Width);
        for (nint i = 0; i < count; i++, dy += F.Width, x += xStep)
        {
            F d = F.Load(dy);
            a0 = F.MulAdd(d, F.Load(x + o0), a0);
            a1 = F.MulAdd(d, F.Load(x + o1), a1);
            a2 = F.MulAdd(d, F.Load(x + o2), a2);
        }
        a0.Store(sums);
        a1.Store(sums + F.Width);
        a2.Store(sums + 2 * F.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void Add1(float* dy, nint count, float* x, nint xStep, nint* offsets, float* sums)
    {
        nint o0 = offsets[0];
        F a0 = F.Load(sums);
        for (nint i = 0; i < count; i++, dy += F.Width, x += xStep)
        {
            F d = F.Load(dy);
            a0 = F.MulAdd(d, F.Load(x + o0), a0);
        }
        a0.Store(sums);
    }
}
