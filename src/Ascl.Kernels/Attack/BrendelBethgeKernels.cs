using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>Passes of Brendel and Bethge's L∞ attack over pixels [n, image] in [0, 1].</summary>
public static unsafe partial class BrendelBethgeKernels
{
    /// <summary>x ← clip₀₁(x + δ), with δ for each image the step that brings it nearest to its original: <see cref="TrustRegionStep"/>.
    /// Computed on the CPU even for a GPU's images, because it takes thousands of sequential passes in double precision.</summary>
    /// <param name="image">Pixels per image.</param>
    /// <param name="normals">[n, image]: normals of the decision boundary, towards the adversarial side.</param>
    /// <param name="shifts">[n]: the value of normal·δ each image has to reach.</param>
    /// <param name="radius">L2 radius of the trust region.</param>
    public static void Step(
        int image, DeviceBuffer<float> original, DeviceBuffer<float> normals, DeviceBuffer<float> shifts, double radius,
        DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.trust_region_step", x.Length, 4000.0 * x.Length, 16.0 * x.Length,
            cpu => StepCpu(cpu, image, original, normals, shifts, radius, x),
            _ => CpuFallback.Update(x, (host, copy) =>
                StepCpu(host, image, CpuFallback.Download(original), CpuFallback.Download(normals), CpuFallback.Download(shifts), radius,
                    copy)),
            x);
    }

    private static void StepCpu(
        CpuDevice device, int image, DeviceBuffer<float> original, DeviceBuffer<float> normals, DeviceBuffer<float> shifts, double radius,
        DeviceBuffer<float> x)
    {
        float* po = CpuDevice.Pointer(original), pw = CpuDevice.Pointer(normals), ps = CpuDevice.Pointer(shifts), px = CpuDevice.Pointer(x);
        device.For(x.Length / image, (n, _) =>
        {
            float* to = px + (nint)n * image;
            TrustRegionStep step = new(po + (nint)n * image, to, pw + (nint)n * image, image, ps[n], radius);
            for (int i = 0; i < image; i++)
                to[i] = (float)Math.Clamp(to[i] + step.Change(i), 0, 1);
        });
    }

    /// <summary>x = original + clip(start − original, ±size): the point nearest to the start in the L∞ ball around the original.</summary>
    /// <param name="sizes">[n]: the ball's size for each image.</param>
    public static void Between(
        int image, DeviceBuffer<float> original, DeviceBuffer<float> start, DeviceBuffer<float> sizes, DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.between", x.Length, 4.0 * x.Length, 12.0 * x.Length, OnCpu,
            cuda => BetweenCuda(cuda, image, original, start, sizes, x), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pf = CpuDevice.Pointer(start), ps = CpuDevice.Pointer(sizes);
            float* to = CpuDevice.Pointer(x);
            cpu.For(x.Length / image, (n, _) =>
            {
                for (nint i = (nint)n * image; i < ((nint)n + 1) * image; i++)
                    to[i] = Math.Clamp(pf[i], po[i] - ps[n], po[i] + ps[n]);
            });
        }
    }
}
