using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Standardize;

internal abstract class StandardizeCpu
{
    public abstract void Forward(
        CpuDevice device, int rows, int length, DeviceBuffer<float> x, float epsilon, DeviceBuffer<float> y,
        DeviceBuffer<float> inverseStd);

    public abstract void Backward(
        CpuDevice device, int rows, int length, DeviceBuffer<float> y, DeviceBuffer<float> inverseStd, DeviceBuffer<float> dy,
        DeviceBuffer<float> dx);
}

/// <summary>A work item takes some rows. Sums are of vectors within pieces of a row, and of pieces in double.</summary>
internal sealed unsafe class StandardizeCpu<F> : StandardizeCpu where F : struct, ISimd<F>
{
    private const int FloatsPerItem = 1 << 13, Piece = 1 << 11;

    public override void Forward(
        CpuDevice device, int rows, int length, DeviceBuffer<float> x, float epsilon, DeviceBuffer<float> y,
        DeviceBuffer<float> inverseStd)
    {
        float* px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y), deviations = CpuDevice.Pointer(inverseStd);
        ForRows(device, rows, length, row =>
        {
            float* from = px + (nint)row * length, to = py + (nint)row * length;
            double sum = 0, squares = 0;
            for (int i = 0; i < length; i += Piece)
                sum += Sum(from + i, Math.Min(Piece, length - i));
            float mean = (float)(sum / length);
            for (int i = 0; i < length; i += Piece)
                squares += SquaresAround(from + i, Math.Min(Piece, length - i), mean);
            float inverse = (float)(1 / Math.Sqrt(squares / length + epsilon));
            deviations[row] = inverse;
            Scale(from, length, mean, inverse, to);
        });
    }

    public override void Backward(
        CpuDevice device, int rows, int length, DeviceBuffer<float> y, DeviceBuffer<float> inverseStd, DeviceBuffer<float> dy,
        DeviceBuffer<float> dx)
    {
        float* py = CpuDevice.Pointer(y), pdy = CpuDevice.Pointer(dy), pdx = CpuDevice.Pointer(dx);
        float* deviations = CpuDevice.Pointer(inverseStd);
        ForRows(device, rows, length, row =>
        {
            nint at = (nint)row * length;
            double sum = 0, along = 0;
            for (int i = 0; i < length; i += Piece)
            {
                int count = Math.Min(Piece, length - i);
                sum += Sum(pdy + at + i, count);
                along += Dot(py + at + i, pdy + at + i, count);
            }
            Combine(pdy + at, py + at, length, (float)(sum / length), (float)(along / length), deviations[row], pdx + at);
        });
    }

    private static void ForRows(CpuDevice device, int rows, int length, Action<int> body)
    {
        int each = Math.Max(1, FloatsPerItem / length);
        device.For((rows + each - 1) / each, (item, _) =>
        {
            for (int row = item * each; row < Math.Min(rows, (item + 1) * each); row++)
                body(row);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum(float* x, int count)
    {
        F a = F.Zero, b = F.Zero;
        int i = 0;
        for (; i + 2 * F.Width <= count; i += 2 * F.Width)
        {
            a += F.Load(x + i);
            b += F.Load(x + i + F.Width);
        }
        float rest = 0;
        for (; i < count; i++)
            rest += x[i];
        return F.Sum(a + b) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SquaresAround(float* x, int count, float mean)
    {
        F a = F.Zero, b = F.Zero, m = F.Broadcast(mean);
        int i = 0;
        for (; i + 2 * F.Width <= count; i += 2 * F.Width)
        {
            F u = F.Load(x + i) - m, v = F.Load(x + i + F.Width) - m;
            a = F.MulAdd(u, u, a);
            b = F.MulAdd(v, v, b);
        }
        float rest = 0;
        for (; i < count; i++)
            rest += (x[i] - mean) * (x[i] - mean);
        return F.Sum(a + b) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot(float* x, float* y, int count)
    {
        F a = F.Zero, b = F.Zero;
        int i = 0;
        for (; i + 2 * F.Width <= count; i += 2 * F.Width)
        {
            a = F.MulAdd(F.Load(x + i), F.Load(y + i), a);
            b = F.MulAdd(F.Load(x + i + F.Width), F.Load(y + i + F.Width), b);
        }
        float rest = 0;
        for (; i < count; i++)
            rest += x[i] * y[i];
        return F.Sum(a + b) + rest;
    }

    /// <summary>y = (x − mean)·factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* x, int length, float mean, float factor, float* y)
    {
        F m = F.Broadcast(mean), f = F.Broadcast(factor);
        int i = 0;
        for (; i + F.Width <= length; i += F.Width)
            ((F.Load(x + i) - m) * f).Store(y + i);
        for (; i < length; i++)
            y[i] = (x[i] - mean) * factor;
    }

    /// <summary>dx = factor·(dy − mean − along·y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine(float* dy, float* y, int length, float mean, float along, float factor, float* dx)
    {
        F m = F.Broadcast(mean), g = F.Broadcast(along), f = F.Broadcast(factor);
        int i = 0;
        for (; i + F.Width <= length; i += F.Width)
            (f * F.NegMulAdd(g, F.Load(y + i), F.Load(dy + i) - m)).Store(dx + i);
        for (; i < length; i++)
            dx[i] = factor * (dy[i] - mean - along * y[i]);
    }
}
