using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Optimizer;

internal static class SgdCuda
{
    public static void Step(
        CudaDevice device, DeviceBuffer<float> w, DeviceBuffer<float> m, DeviceBuffer<float> gradient, float rate, float momentum,
        float decay) => device.Launch(
        Step, (CudaDevice.Groups((w.Length + 3) / 4), CudaDevice.GroupSize),
        new StepArguments
        {
            W = CudaDevice.View(w),
            M = CudaDevice.View(m),
            Gradient = CudaDevice.View(gradient),
            Rate = rate,
            Momentum = momentum,
            Decay = decay,
        });

    internal struct StepArguments
    {
        public ArrayView<float> W, M, Gradient;
        public float Rate, Momentum, Decay;
    }

    /// <summary>A thread owns four weights, the last one up to four.</summary>
    internal static void Step(StepArguments p)
    {
        int at = Grid.GlobalIndex.X, first = at * 4, length = p.W.IntLength;
        if (first + 4 <= length)
        {
            Float4 w = p.W.Cast<Float4>()[at], m = p.M.Cast<Float4>()[at], g = p.Gradient.Cast<Float4>()[at];
            m = new(Velocity(p, w.X, m.X, g.X), Velocity(p, w.Y, m.Y, g.Y), Velocity(p, w.Z, m.Z, g.Z), Velocity(p, w.W, m.W, g.W));
            p.M.Cast<Float4>()[at] = m;
            p.W.Cast<Float4>()[at] = new(w.X - p.Rate * m.X, w.Y - p.Rate * m.Y, w.Z - p.Rate * m.Z, w.W - p.Rate * m.W);
            return;
        }
        for (int i = first; i < length; i++)
        {
            float velocity = Velocity(p, p.W[i], p.M[i], p.Gradient[i]);
            p.M[i] = velocity;
            p.W[i] -= p.Rate * velocity;
        }
    }

    private static float Velocity(StepArguments p, float w, float m, float g) => p.Momentum * m + (p.Decay * w + g);
}
