using System.Runtime.CompilerServices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Pool2d;

internal abstract unsafe class Pool2dCpu
{
    public abstract void Forward(CpuDevice device, Pool2dGeometry g, bool max, float* x, float* y);

    /// <summary>The gradient of average pooling if x and y are null, else of max pooling.</summary>
    public abstract void Backward(CpuDevice device, Pool2dGeometry g, float* dy, float* x, float* y, float* dx);
    public abstract void GlobalForward(CpuDevice device, ActivationLayout layout, bool max, float* x, float* y);

    /// <summary>The gradient of the mean if x and y are null, else of the maximum.</summary>
    public abstract void GlobalBackward(CpuDevice device, ActivationLayout layout, float* dy, float* x, float* y, float* dx);
}

/// <summary>
/// A lane is a channel; a work item is one channel block of one image. A window is its pixels in the image, found before the loops.
/// </summary>
internal sealed unsafe class Pool2dCpu<F> : Pool2dCpu where F : struct, ISimd<F>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>What pooling does with the pixels of a window.</summary>
    private interface IPooling
    {
        static abstract F Start { get; }
        static abstract F Add(F result, F value);
    }

    private readonly struct Largest : IPooling
    {
        public static F Start => F.Broadcast(float.NegativeInfinity);
        [MethodImpl(Inline)] public static F Add(F result, F value) => F.Max(result, value);
    }

    private readonly struct Total : IPooling
    {
        public static F Start => F.Zero;
        [MethodImpl(Inline)] public static F Add(F result, F value) => result + value;
    }

    public override void Forward(CpuDevice device, Pool2dGeometry g, bool max, float* x, float* y)
    {
        PlaneView from = new(g.Input, x), to = new(g.Output, y);
        PoolTaps[] rows = g.Rows(), columns = g.Columns();
        device.For(g.Input.N * g.Input.Blocks, (item, _) =>
        {
            if (max)
                ForwardPlane<Largest>(g, rows, columns, from.First + item * from.Plane, from.Row, to.First + item * to.Plane, to.Row);
            else
                ForwardPlane<Total>(g, rows, columns, from.First + item * from.Plane, from.Row, to.First + item * to.Plane, to.Row);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardPlane<TPooling>(
        Pool2dGeometry g, PoolTaps[] rows, PoolTaps[] columns, float* x, nint xRow, float* y, nint yRow) where TPooling : struct, IPooling
    {
        nint down = g.Window.DilationY * xRow, right = g.Window.DilationX * F.Width;
        bool mean = typeof(TPooling) == typeof(Total);
        for (int i = 0; i < rows.Length; i++)
        {
            PoolTaps row = rows[i];
            float* line = x + row.First * xRow;
            for (int j = 0; j < columns.Length; j++)
            {
                PoolTaps column = columns[j];
                float* pixel = line + column.First * F.Width;
                F result = TPooling.Start;
                if (column.Count == 3)
                {
                    for (int r = 0; r < row.Count; r++, pixel += down)
                        result = TPooling.Add(TPooling.Add(TPooling.Add(result, F.Load(pixel)), F.Load(pixel + right)),
                            F.Load(pixel + 2 * right));
                }
                else if (column.Count == 2)
                {
                    for (int r = 0; r < row.Count; r++, pixel += down)
                        result = TPooling.Add(TPooling.Add(result, F.Load(pixel)), F.Load(pixel + right));
                }
                else
                {
                    for (int r = 0; r < row.Count; r++, pixel += down)
                        for (int s = 0; s < column.Count; s++)
                            result = TPooling.Add(result, F.Load(pixel + s * right));
                }
                if (mean)
                    result *= F.Broadcast(1f / (row.Counted * column.Counted));
                result.Store(y + i * yRow + j * F.Width);
            }
        }
    }

    public override void Backward(CpuDevice device, Pool2dGeometry g, float* dy, float* x, float* y, float* dx)
    {
        PlaneView input = new(g.Input, dx), output = new(g.Output, dy);
        PoolTaps[] rows = g.Rows(), columns = g.Columns();
        device.For(g.Input.N * g.Input.Blocks, (item, _) =>
        {
            nint at = (nint)(input.First - dx) + item * input.Plane, from = (nint)(output.First - dy) + item * output.Plane;
            if (x == null)
                SpreadPlane(g, rows, columns, dy + from, output.Row, dx + at, input.Row);
            else
                BackwardPlane(g, rows, columns, dy + from, x + at, y + from, output.Row, dx + at, input.Row);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardPlane(
        Pool2dGeometry g, PoolTaps[] rows, PoolTaps[] columns, float* dy, float* x, float* y, nint yRow, float* dx, nint xRow)
    {
        nint down = g.Window.DilationY * xRow, right = g.Window.DilationX * F.Width;
        int cleared = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            PoolTaps row = rows[i];
            cleared = ClearTo(g, dx, xRow, cleared, row.First + (row.Count - 1) * g.Window.DilationY + 1);
            for (int j = 0; j < columns.Length; j++)
            {
                PoolTaps column = columns[j];
                nint line = row.First * xRow + column.First * F.Width, at = i * yRow + j * F.Width;
                F left = F.Load(dy + at), largest = F.Load(y + at);
                if (column.Count == 3)
                {
                    for (int r = 0; r < row.Count; r++, line += down)
                    {
                        left = Take(x + line, dx + line, largest, left);
                        left = Take(x + line + right, dx + line + right, largest, left);
                        left = Take(x + line + 2 * right, dx + line + 2 * right, largest, left);
                    }
                    continue;
                }
                for (int r = 0; r < row.Count; r++, line += down)
                    for (nint pixel = line; pixel < line + column.Count * right; pixel += right)
                        left = Take(x + pixel, dx + pixel, largest, left);
            }
        }
        ClearTo(g, dx, xRow, cleared, g.Input.H);
    }

    /// <summary>Gives a pixel what is left of its window's gradient in the lanes in which it is the maximum: the first one takes all.
    /// </summary>
    [MethodImpl(Inline)]
    private static F Take(float* x, float* dx, F largest, F left)
    {
        F part = F.WhereEqual(F.Load(x), largest, left);
        (F.Load(dx) + part).Store(dx);
        return left - part;
    }

    /// <summary>Zeroes rows shortly before they are first added to, so that they are in the cache then.</summary>
    private static int ClearTo(Pool2dGeometry g, float* dx, nint xRow, int cleared, int end)
    {
        for (; cleared < end; cleared++)
            new Span<float>(dx + cleared * xRow, g.Input.W * F.Width).Clear();
        return cleared;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SpreadPlane(Pool2dGeometry g, PoolTaps[] rows, PoolTaps[] columns, float* dy, nint yRow, float* dx, nint xRow)
    {
        nint down = g.Window.DilationY * xRow, right = g.Window.DilationX * F.Width;
        int cleared = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            PoolTaps row = rows[i];
            cleared = ClearTo(g, dx, xRow, cleared, row.First + (row.Count - 1) * g.Window.DilationY + 1);
            for (int j = 0; j < columns.Length; j++)
            {
                PoolTaps column = columns[j];
                float* line = dx + row.First * xRow + column.First * F.Width;
                F part = F.Load(dy + i * yRow + j * F.Width) * F.Broadcast(1f / (row.Counted * column.Counted));
                for (int r = 0; r < row.Count; r++, line += down)
                    for (int s = 0; s < column.Count; s++)
                        (F.Load(line + s * right) + part).Store(line + s * right);
            }
        }
        ClearTo(g, dx, xRow, cleared, g.Input.H);
    }

    public override void GlobalForward(CpuDevice device, ActivationLayout layout, bool max, float* x, float* y)
    {
        PlaneView view = new(layout, x);
        device.For(layout.N, (n, _) =>
        {
            float* lanes = stackalloc float[16];
            for (int block = 0; block < layout.Blocks; block++)
            {
                float* plane = view.First + n * view.Image + block * view.Plane;
                (max ? OverPlane<Largest>(layout, plane, view.Row)
                    : OverPlane<Total>(layout, plane, view.Row) * F.Broadcast(1f / (layout.H * layout.W))).Store(lanes);
                for (int lane = 0; lane < Math.Min(F.Width, layout.C - block * F.Width); lane++)
                    y[(nint)n * layout.C + block * F.Width + lane] = lanes[lane];
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static F OverPlane<TPooling>(ActivationLayout layout, float* x, nint row) where TPooling : struct, IPooling
    {
        F result = TPooling.Start;
        for (int i = 0; i < layout.H; i++, x += row)
            for (int j = 0; j < layout.W; j++)
                result = TPooling.Add(result, F.Load(x + j * F.Width));
        return result;
    }

    public override void GlobalBackward(CpuDevice device, ActivationLayout layout, float* dy, float* x, float* y, float* dx)
    {
        PlaneView view = new(layout, dx);
        device.For(layout.N, (n, _) =>
        {
            float* lanes = stackalloc float[16], largest = stackalloc float[16];
            for (int block = 0; block < layout.Blocks; block++)
            {
                for (int lane = 0; lane < F.Width; lane++)
                {
                    bool present = block * F.Width + lane < layout.C;
                    nint from = (nint)n * layout.C + block * F.Width + lane;
                    lanes[lane] = present ? dy[from] : 0;
                    largest[lane] = present && y != null ? y[from] : 0;
                }
                nint at = (nint)(view.First - dx) + n * view.Image + block * view.Plane;
                if (x == null)
                    FillPlane(layout, F.Load(lanes) * F.Broadcast(1f / (layout.H * layout.W)), dx + at, view.Row);
                else
                    ToLargest(layout, F.Load(lanes), F.Load(largest), x + at, dx + at, view.Row);
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FillPlane(ActivationLayout layout, F value, float* dx, nint row)
    {
        for (int i = 0; i < layout.H; i++, dx += row)
            for (int j = 0; j < layout.W; j++)
                value.Store(dx + j * F.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToLargest(ActivationLayout layout, F left, F largest, float* x, float* dx, nint row)
    {
        for (int i = 0; i < layout.H; i++, x += row, dx += row)
            for (int j = 0; j < layout.W; j++)
            {
                F part = F.WhereEqual(F.Load(x + j * F.Width), largest, left);
                left -= part;
                part.Store(dx + j * F.Width);
            }
    }
}
