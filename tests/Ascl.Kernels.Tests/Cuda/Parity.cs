using Ascl.Kernels.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>The same kernel on the CPU and on CUDA.</summary>
internal static class Parity
{
    /// <summary>Both results within <paramref name="relative"/> of the largest entry.</summary>
    public static void Check(string what, Func<Device, DeviceBuffer<float>> run, double relative = 1e-6) =>
        Check(what, device => run(device).ToArray(), relative);

    public static void Check(string what, Func<Device, float[]> run, double relative = 1e-6)
    {
        using CpuDevice cpu = new(1);
        Tolerance.Close(Tolerance.ToDouble(run(cpu)), run(TestGpu.Device), relative, what);
    }

    /// <summary>Likewise for several results by their names.</summary>
    public static void Check(string what, Func<Device, Dictionary<string, float[]>> run, double relative = 1e-6)
    {
        using CpuDevice cpu = new(1);
        Dictionary<string, float[]> actual = run(TestGpu.Device);
        foreach (var (name, expected) in run(cpu))
            Tolerance.Close(Tolerance.ToDouble(expected), actual[name], relative, $"{what}: {name}");
    }
}
