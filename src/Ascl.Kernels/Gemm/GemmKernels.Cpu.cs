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
/// B is packed once into panels two vectors wide (one for narrow matrices). A work item multiplies some register tiles of rows by all
/// panels, a slice of k at a time: the slice of a panel stays in the L1 cache for all of the item's tiles, which are packed and stay in L2.
/// A last, narrower panel is padded with zeros, and its results go through a small copy of the tile.
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
        int rows = product.RowsOfItem;
        device.For((m + rows - 1) / rows, (item, worker) =>
            product.Rows(item * rows, Math.Min(rows, m - item * rows), a, pb, bias, c, device.Scratch(worker, product.ScratchLength)));
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
            float* pb = device.Scratch(worker, packedLength + product.ScratchLength), scratch = pb + packedLength, last = null;
            for (int i = item * each; i < Math.Min(batch, (item + 1) * each); i++)
            {
                float* own = b + i * stepB;
                for (int panel = 0; panel < product.Panels && own != last; panel++)
                    product.Pack(panel, own, pb);
                last = own;
                for (int row = 0; row < m; row += product.RowsOfItem)
                    product.Rows(row, Math.Min(product.RowsOfItem, m - row), a + i * stepA, pb, null, c + (nint)i * m * n, scratch);
            }
        });
    }

    /// <summary>The steps of a product of matrices of given sizes.</summary>
    private sealed class Product(bool transposeA, bool transposeB, int m, int n, int k)
    {
        /// <summary>Rows of a panel of B that stay in the L1 cache, and the most rows of A that stay in L2.</summary>
        private const int Slice = 256, MostRows = 112;

        /// <summary>Items of a product with many rows, enough for the threads to share them evenly.</summary>
        private const int Items = 16;

        private readonly int vectors = n <= F.Width ? 1 : 2;
        private int Panel => vectors * F.Width;
        private int Height => MicroKernels<F, UnitRows>.MaxRows(vectors);

        public int Panels => (n + Panel - 1) / Panel;
        public long PackedLength => (long)Panels * Panel * k;

        /// <summary>Rows of C that an item computes; the bits do not depend on it.</summary>
        public int RowsOfItem => Height * Math.Clamp(m / Height / Items, 1, MostRows / Height);

        /// <summary>Floats of a slice of an item's rows of A, and a tile of C.</summary>
        public int ScratchLength => RowsOfItem * Math.Min(k, Slice) + Height * Panel;

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

        /// <summary>Computes up to <see cref="RowsOfItem"/> rows of C.</summary>
        /// <param name="scratch">[<see cref="ScratchLength"/>].</param>
        public void Rows(int row, int rows, float* a, float* packed, float* bias, float* c, float* scratch)
        {
            byte[] parts = TilePlan<F>.Rows(rows, vectors);
            float* tile = scratch + (nint)RowsOfItem * Math.Min(k, Slice);
            // Also where k is 0: C is the bias or 0 then.
            for (int from = 0; from < Math.Max(k, 1); from += Slice)
            {
                int depth = Math.Min(Slice, k - from), packedRows = 0;
                foreach (byte part in parts)
                {
                    PackRows(row + packedRows, part, from, depth, a, scratch + (nint)packedRows * depth);
                    packedRows += part;
                }
                for (int panel = 0; panel < Panels; panel++)
                {
                    float* b = packed + ((nint)panel * k + from) * Panel, pa = scratch;
                    int at = row;
                    foreach (byte part in parts)
                    {
                        Tile(at, part, panel, depth, from == 0, pa, b, bias, c, tile);
                        at += part;
                        pa += (nint)part * depth;
                    }
                }
            }
        }

        /// <summary>Packs a slice of some rows of A: [depth][rows].</summary>
        private void PackRows(int row, int rows, int from, int depth, float* a, float* to)
        {
            if (transposeA)
                for (int i = 0; i < depth; i++)
                    Copy(a + (nint)(from + i) * m + row, rows, to + i * rows);
            else
                Transposition.Run(rows, depth, a + (nint)row * k + from, k, to, rows);
        }

        /// <summary>Adds the product of a slice to a tile of C, or begins it with the bias.</summary>
        private void Tile(
            int row, int rows, int panel, int depth, bool isFirst, float* pa, float* b, float* bias, float* c, float* tile)
        {
            int columns = Math.Min(Panel, n - panel * Panel);
            float* to = c + (nint)row * n + panel * Panel;
            bool isDirect = columns == Panel;
            float* at = isDirect ? to : tile;
            nint step = isDirect ? n : Panel;
            for (int r = 0; r < rows && isFirst && bias != null; r++)
                Copy(bias + panel * Panel, columns, at + r * step);
            for (int r = 0; r < rows && !isFirst && !isDirect; r++)
                Copy(to + (nint)r * n, columns, at + r * step);
            nint zero = 0;
            MicroKernels<F, UnitRows>.Of(rows, vectors)(
                pa, &zero, 1, depth, rows, b, null, Panel, F.Width, at, step, F.Width, !isFirst || bias != null);
            for (int r = 0; r < rows && !isDirect; r++)
                Copy(at + r * step, columns, to + (nint)r * n);
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
