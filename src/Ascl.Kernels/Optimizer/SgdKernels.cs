using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Optimizer;

/// <summary>
/// Stochastic gradient descent with momentum and weight decay, as in PyTorch's SGD: g ← gradient + decay·w; m ← momentum·m + g; w ← w −
/// rate·m.
/// </summary>
public static unsafe class SgdKernels
{
    /// <summary>One step: updates the weights <paramref name="w"/> and the momenta <paramref name="m"/> in place.</summary>
    public static void Step(
        DeviceBuffer<float> w, DeviceBuffer<float> m, DeviceBuffer<float> gradient, float rate, float momentum, float decay)
    {
        DeviceKernel.Run("sgd.step", w.Length, 6.0 * w.Length, 20.0 * w.Length,
            cpu => StepCpu(cpu, w, m, gradient, rate, momentum, decay),
            cuda => SgdCuda.Step(cuda, w, m, gradient, rate, momentum, decay),
            w, m);
    }

    private static void StepCpu(
        CpuDevice device, DeviceBuffer<float> w, DeviceBuffer<float> m, DeviceBuffer<float> gradient, float rate, float momentum,
        float decay)
    {
        const int FloatsPerItem = 1 << 15;
        float* pw = CpuDevice.Pointer(w), pm = CpuDevice.Pointer(m), pg = CpuDevice.Pointer(gradient);
        int length = w.Length;
        device.For((length + FloatsPerItem - 1) / FloatsPerItem, (item, _) =>
        {
            int from = item * FloatsPerItem, count = Math.Min(FloatsPerItem, length - from);
            switch (SimdWidth.Current)
            {
                case 16:
                    Range<F16>(pw + from, pm + from, pg + from, count, rate, momentum, decay);
                    break;
                case 8:
                    Range<F8>(pw + from, pm + from, pg + from, count, rate, momentum, decay);
                    break;
                default:
                    Range<F4>(pw + from, pm + from, pg + from, count, rate, momentum, decay);
                    break;
            }
        });
    }

    /// <summary>Whole vectors, then a tail through stack buffers, so that nothing is written past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Range<F>(float* w, float* m, float* g, int count, float rate, float momentum, float decay)
        where F : struct, ISimd<F>
    {
        F r = F.Broadcast(rate), u = F.Broadcast(momentum), d = F.Broadcast(decay);
        int i = 0;
        for (; i + F.Width <= count; i += F.Width)
        {
            F weight = F.Load(w + i), velocity = F.MulAdd(u, F.Load(m + i), F.MulAdd(d, weight, F.Load(g + i)));
            velocity.Store(m + i);
            F.NegMulAdd(r, velocity, weight).Store(w + i);
        }
        if (i < count)
        {
            float* velocities = stackalloc float[16], weights = stackalloc float[16];
            F weight = F.Load(w + i), velocity = F.MulAdd(u, F.Load(m + i), F.MulAdd(d, weight, F.Load(g + i)));
            velocity.Store(velocities);
            F.NegMulAdd(r, velocity, weight).Store(weights);
            for (int j = 0; i + j < count; j++)
                (m[i + j], w[i + j]) = (velocities[j], weights[j]);
        }
    }
}
