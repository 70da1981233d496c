using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Softmax;

internal abstract unsafe class ProbabilitiesCpu
{
    public abstract void Forward(CpuDevice device, int n, int k, float* x, float* y);

    public abstract void Backward(CpuDevice device, int n, int k, float* y, float* dy, float* dx);
}

/// <summary>The softmax of rows, lanes along a row; the rest of a row goes through vectors on the stack.</summary>
internal sealed unsafe class ProbabilitiesCpu<F> : ProbabilitiesCpu where F : struct, ISimd<F>
{
    private const int ValuesPerItem = 1 << 13;

    public override void Forward(CpuDevice device, int n, int k, float* x, float* y) =>
        ForRows(device, n, k, row => Forward(x + (nint)row * k, k, y + (nint)row * k));

    public override void Backward(CpuDevice device, int n, int k, float* y, float* dy, float* dx) =>
        ForRows(device, n, k, row => Backward(y + (nint)row * k, dy + (nint)row * k, k, dx + (nint)row * k));

    private static void ForRows(CpuDevice device, int n, int k, Action<int> body)
    {
        int rows = Math.Max(1, ValuesPerItem / k);
        device.For((n + rows - 1) / rows, (item, _) =>
        {
            for (int row = item * rows; row < Math.Min(n, (item + 1) * rows); row++)
                body(row);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Forward(float* x, int k, float* y)
    {
        float* rest = stackalloc float[16];
        int whole = k / F.Width * F.Width;
        for (int j = 0; j < F.Width; j++)
            rest[j] = whole + j < k ? x[whole + j] : float.NegativeInfinity;
        F tail = F.Load(rest), largest = tail;
        for (int i = 0; i < whole; i += F.Width)
            largest = F.Max(largest, F.Load(x + i));
        F shift = F.Broadcast(F.MaxLane(largest)), sum = F.Zero;
        for (int i = 0; i < whole; i += F.Width)
        {
            F e = Exponential.Of(F.Load(x + i) - shift);
            e.Store(y + i);
            sum += e;
        }
        tail = Exponential.Of(tail - shift);
        F factor = F.Broadcast(1 / F.Sum(sum + tail));
        for (int i = 0; i < whole; i += F.Width)
            (factor * F.Load(y + i)).Store(y + i);
        (factor * tail).Store(rest);
        for (int j = whole; j < k; j++)
            y[j] = rest[j - whole];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Backward(float* y, float* dy, int k, float* dx)
    {
        int whole = k / F.Width * F.Width;
        F along = F.Zero;
        for (int i = 0; i < whole; i += F.Width)
            along = F.MulAdd(F.Load(y + i), F.Load(dy + i), along);
        float sum = F.Sum(along);
        for (int i = whole; i < k; i++)
            sum += y[i] * dy[i];
        F mean = F.Broadcast(sum);
        for (int i = 0; i < whole; i += F.Width)
            (F.Load(y + i) * (F.Load(dy + i) - mean)).Store(dx + i);
        for (int i = whole; i < k; i++)
            dx[i] = y[i] * (dy[i] - sum);
    }
}
