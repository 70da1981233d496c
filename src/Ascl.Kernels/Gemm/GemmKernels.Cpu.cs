using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Gemm;

internal abstract unsafe class GemmCpu
{
    public abstract void Multiply(
        CpuDevice device, bool transposeA, bool transposeB, int m, int n, int k, float* a, float* b, float* bias, float* c);

    public abstract void MultiplyBatch(
        CpuDevice device, bool transposeA, bool transposeB, int batch, int m, int n, int k, float* a, nint stepA, float* b, nint stepB,
        float* c);
}

/// <summary>
/// B is packed once into panels two vectors wide (one for narrow matrices), A into panels as high as a register tile; a work item
/// multiplies one tile of rows by all panels. A last, narrower panel is padded with zeros, and its results go through a small copy of the
/// tile.
/// </summary>
internal sealed unsafe class GemmCpu<F> : GemmCpu where F : struct, ISimd<F>
{
    /// <summary>Multiply-adds of a matrix from which its rows are spread over the threads, and that an item of small ones has.</summary>
    private const long LargeMatrix = 1 << 22, WorkOfItem = 1 << 16;

    public override void Multiply(
        CpuDevice device, bool transposeA, bool transposeB, int m, int n, int k, float* a, float* b, float* bias, float* c)
    {
        Product product = new(transposeA, transposeB, m, n, k);
        DeviceBuffer<float> packed = device.Pool.Rent(checked((int)Math.Max(product.PackedLength, 1)), 0);
        float* pb = CpuDevice.Pointer(packed);
        device.For(product.Panels, (panel, _) => product.Pack(panel, b, pb));
        int height = product.Height;
        device.For((m + height - 1) / height, (item, worker) =>
            product.Rows(item * height, Math.Min(height, m - item * height), a, pb, bias, c, device.Scratch(worker, product.TileLength)));
        device.Pool.Return(packed);
    }

    public override void MultiplyBatch(
        CpuDevice device, bool transposeA, bool transposeB, int batch, int m, int n, int k, float* a, nint stepA, float* b, nint stepB,
        float* c)
    {
        long work = (long)m * n * Math.Max(k, 1);
        if (work >= LargeMatrix)
        {
            for (int i = 0; i < batch; i++)
                Multiply(device, transposeA, transposeB, m, n, k, a + i * stepA, b + i * stepB, null, c + (nint)i * m * n);
            return;
        }
        Product product = new(transposeA, transposeB, m, n, k);
        int each = (int)Math.Max(1, WorkOfItem / Math.Max(work, 1)), packedLength = (int)product.PackedLength;
        device.For((batch + each - 1) / each, (item, worker) =>
        {
            float* pb = device.Scratch(worker, packedLength + product.TileLength), pa = pb + packedLength, last = null;
            for (int i = item * each; i < Math.Min(batch, (item + 1) * each); i++)
            {
                float* own = b + i * stepB;
                for (int panel = 0; panel < product.Panels && own != last; panel++)
                    product.Pack(panel, own, pb);
                last = own;
                for (int row = 0; row < m; row += product.Height)
                    product.Rows(row, Math.Min(product.Height, m - row), a + i * stepA, pb, null, c + (nint)i * m * n, pa);
            }
        });
    }

    /// <summary>The steps of a product of matrices of given sizes.</summary>
    private sealed class Product(bool transposeA, bool transposeB, int m, int n, int k)
    {
        private readonly int vectors = n <= F.Width ? 1 : 2;
        private int Panel => vectors * F.Width;

        public int Panels => (n + Panel - 1) / Panel;
        public int Height => MicroKernels<F, UnitRows>.MaxRows(vectors);
        public long PackedLength => (long)Panels * Panel * k;

        /// <summary>Floats of a panel of A and a tile of C.</summary>
        public int TileLength => Height * (k + Panel);

        /// <summary>Packs a panel of B: [k][Panel].</summary>
        public void Pack(int panel, float* b, float* packed)
        {
            float* to = packed + (nint)panel * Panel * k;
            int columns = Math.Min(Panel, n - panel * Panel);
            if (transposeB)
                Transposition.Run(columns, k, b + (nint)panel * Panel * k, k, to, Panel);
            for (int i = 0; i < k; i++, to += Panel)
            {
                if (!transposeB)
                    Copy(b + (nint)i * n + panel * Panel, columns, to);
                for (int j = columns; j < Panel; j++)
                    to[j] = 0;
            }
        }

        /// <summary>Computes up to <see cref="Height"/> rows of C.</summary>
        /// <param name="scratch">[<see cref="TileLength"/>].</param>
        public void Rows(int row, int rows, float* a, float* packed, float* bias, float* c, float* scratch)
        {
            float* pa = scratch, tile = pa + (nint)Height * k;
            foreach (byte part in TilePlan<F>.Rows(rows, vectors))
            {
                if (transposeA)
                    for (int i = 0; i < k; i++)
                        Copy(a + (nint)i * m + row, part, pa + i * part);
                else
                    Transposition.Run(part, k, a + (nint)row * k, k, pa, part);
                for (int panel = 0; panel < Panels; panel++)
                {
                    int columns = Math.Min(Panel, n - panel * Panel);
                    float* to = c + (nint)row * n + panel * Panel, from = packed + (nint)panel * Panel * k;
                    bool isDirect = bias == null && columns == Panel;
                    for (int r = 0; r < part && bias != null; r++)
                        for (int j = 0; j < Panel; j++)
                            tile[r * Panel + j] = j < columns ? bias[panel * Panel + j] : 0;
                    nint zero = 0;
                    MicroKernels<F, UnitRows>.Of(part, vectors)(pa, &zero, 1, k, part, from, null, Panel, F.Width,
                        isDirect ? to : tile, isDirect ? n : Panel, F.Width, bias != null);
                    for (int r = 0; r < part && !isDirect; r++)
                        Copy(tile + r * Panel, columns, to + (nint)r * n);
                }
                row += part;
            }
        }

        private static void Copy(float* from, int count, float* to)
        {
            int i = 0;
            for (; i + F.Width <= count; i += F.Width)
                F.Load(from + i).Store(to + i);
            for (; i < count; i++)
                to[i] = from[i];
        }
    }
}
