using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.AxisMaps;

/// <summary>Sparse maps along one axis.</summary>
public static partial class AxisMapKernels
{
    private static readonly AxisMapCpu Cpu = SimdWidth.Choose<AxisMapCpu>(
        () => new AxisMapCpu<F16>(), () => new AxisMapCpu<F8>(), () => new AxisMapCpu<F4>());

    /// <summary>y[n, o, i] = Σ over the map's entries (o, r, w) of w·x[n, r, i].</summary>
    /// <param name="map">The map; its transpose for the gradient.</param>
    /// <param name="outer">Product of the dimensions before the axis.</param>
    /// <param name="inner">Product of the dimensions after it.</param>
    /// <param name="x">[outer, map.Inputs, inner].</param>
    /// <param name="y">[outer, map.Outputs, inner].</param>
    public static void Apply(AxisMap map, int outer, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        const string name = "axis_map";
        if (x.Length != (long)outer * map.Inputs * inner || y.Length != (long)outer * map.Outputs * inner)
            throw new ShapeException($"{name}: buffers of {x.Length} and {y.Length} do not hold [{outer}, {map}, {inner}]");
        if (y.Length == 0)
            return;
        DeviceKernel.Run(name, (outer, map, inner), 2.0 * outer * map.Entries * inner, 4.0 * (x.Length + (double)y.Length),
            cpu => Cpu.Apply(cpu, map, outer, inner, x, y), cuda => ApplyCuda(cuda, map, outer, inner, x, y), y);
    }
}
