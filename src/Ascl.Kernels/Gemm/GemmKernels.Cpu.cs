using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Gemm;

internal abstract unsafe class GemmCpu
{
    public abstract void Multiply(
        CpuDevice device, bool transposeA, bool transposeB, int m, int n, int k, float* a, float* b, float* bias, float* c);
}

/// <summary>
/// B is packed once into panels two vectors wide, A into panels as high as a register tile; a work item multiplies one tile of rows by all
/// panels. A last, narrower panel is padded with zeros, and its results go through a small copy of the tile.
/// </summary>
internal sealed unsafe class GemmCpu<F> : GemmCpu where F : struct, ISimd<F>
{
    private const int Vectors = 2;
    private static readonly int Panel = Vectors * F.Width;

    public override void Multiply(
        CpuDevice device, bool transposeA, bool transposeB, int m, int n, int k, float* a, float* b, float* bias, float* c)
    {
        int panels = (n + Panel - 1) / Panel;
        DeviceBuffer<float> packed = device.Pool.Rent(checked(panels * Panel * Math.Max(k, 1)), 0);
        float* pb = CpuDevice.Pointer(packed);
        device.For(panels, (panel, _) =>
        {
            float* to = pb + (nint)panel * Panel * k;
            int columns = Math.Min(Panel, n - panel * Panel);
            for (int i = 0; i < k; i++, to += Panel)
            {
                for (int j = 0; j < columns; j++)
                    to[j] = transposeB ? b[((nint)panel * Panel + j) * k + i] : b[(nint)i * n + panel * Panel + j];
                for (int j = columns; j < Panel; j++)
                    to[j] = 0;
            }
        });
        int height = MicroKernels<F, UnitRows>.MaxRows(Vectors);
        device.For((m + height - 1) / height, (item, worker) =>
        {
            int row = item * height, rows = Math.Min(height, m - row);
            float* pa = device.Scratch(worker, height * (k + Panel)), tile = pa + (nint)height * k;
            foreach (byte part in TilePlan<F>.Rows(rows, Vectors))
            {
                for (int i = 0; i < k; i++)
                    for (int r = 0; r < part; r++)
                        pa[i * part + r] = transposeA ? a[(nint)i * m + row + r] : a[(nint)(row + r) * k + i];
                for (int panel = 0; panel < panels; panel++)
                {
                    int columns = Math.Min(Panel, n - panel * Panel);
                    float* to = c + (nint)row * n + panel * Panel;
                    for (int r = 0; r < part && bias != null; r++)
                        for (int j = 0; j < Panel; j++)
                            tile[r * Panel + j] = j < columns ? bias[panel * Panel + j] : 0;
                    nint zero = 0;
                    MicroKernels<F, UnitRows>.Of(part, Vectors)(pa, &zero, 1, k, part, pb + (nint)panel * Panel * k, null, Panel, F.Width,
                        tile, Panel, F.Width, bias != null);
                    for (int r = 0; r < part; r++)
                        new Span<float>(tile + r * Panel, columns).CopyTo(new Span<float>(to + (nint)r * n, columns));
                }
                row += part;
            }
        });
        device.Pool.Return(packed);
    }
}
