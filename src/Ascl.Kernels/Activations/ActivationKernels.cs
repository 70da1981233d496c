using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Activations;

/// <summary>Between plain [N, C, H, W] memory and activations.</summary>
public static unsafe class ActivationKernels
{
    /// <summary>An activation from plain pixels: a[n, c, y, x] = (x[n, c, y, x] − mean[c])·scale[c]; without mean and scale a copy.</summary>
    public static void FromPlain(ActivationLayout layout, DeviceBuffer<float> plain, ReadOnlyMemory<float> mean, ReadOnlyMemory<float> scale, DeviceBuffer<float> activation)
    {
        using var trace = KernelTrace.Begin("activation.from_plain", layout, 0, 8.0 * plain.Length);
        float* from = CpuDevice.Pointer(plain);
        PlaneView to = new(layout, CpuDevice.Pointer(activation));
        ForEachPlane(layout, plain.Device, (n, c) =>
        {
            float m = mean.IsEmpty ? 0 : mean.Span[c], s = scale.IsEmpty ? 1 : scale.Span[c];
            float* a = to.First + n * to.Image + c / layout.Block * to.Plane + c % layout.Block, p = from + ((nint)n * layout.C + c) * layout.H * layout.W;
            for (int y = 0; y < layout.H; y++)
                for (int x = 0; x < layout.W; x++)
                    a[y * to.Row + x * layout.Block] = (*p++ - m) * s;
        });
    }

    /// <summary>Plain pixels from an activation: x[n, c, y, x] = a[n, c, y, x]·scale[c]; without scale a copy.</summary>
    public static void ToPlain(ActivationLayout layout, DeviceBuffer<float> activation, ReadOnlyMemory<float> scale, DeviceBuffer<float> plain)
    {
        using var trace = KernelTrace.Begin("activation.to_plain", layout, 0, 8.0 * plain.Length);
        float* to = CpuDevice.Pointer(plain);
        PlaneView from = new(layout, CpuDevice.Pointer(activation));
        ForEachPlane(layout, plain.Device, (n, c) =>
        {
            float s = scale.IsEmpty ? 1 : scale.Span[c];
            float* a = from.First + n * from.Image + c / layout.Block * from.Plane + c % layout.Block, p = to + ((nint)n * layout.C + c) * layout.H * layout.W;
            for (int y = 0; y < layout.H; y++)
                for (int x = 0; x < layout.W; x++)
                    *p++ = a[y * from.Row + x * layout.Block] * s;
        });
    }

    private static void ForEachPlane(ActivationLayout layout, Device device, Action<int, int> body) =>
        ((CpuDevice)device).For(layout.N, (n, _) =>
        {
            for (int c = 0; c < layout.C; c++)
                body(n, c);
        });
}
