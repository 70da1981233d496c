using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Depthwise convolution: each channel is a group, with one channel of y. A lane is a channel. Rows of taps outside the image are left out;
/// in a row, the pixels whose taps stay within the border of one zero pixel are computed several at a time, the others one by one from
/// their taps inside. So nothing is copied, whatever the padding. A work item is a channel block of an image, row by row: the rows that a
/// row of the result reads stay in the L1 cache.
/// </summary>
internal sealed unsafe class DepthwiseConvolution<F> : Conv2dCpu where F : struct, ISimd<F>
{
    public override void Forward(
        CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums, float* y)
    {
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        int[] rows = [.. Enumerable.Range(0, g.R)], columns = [.. Enumerable.Range(0, g.S)];
        CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>("depthwise forward", _ => Pack(device, g, weight, rows, columns));
        using Phase phase = new(packed, [.. rows.Select(r => r * vertical.Dilation - vertical.Padding)],
            [.. columns.Select(s => s * horizontal.Dilation - horizontal.Padding)], g.Input, g.Output.W, horizontal.Stride);
        Run(device, g.Input, x, (vertical.Stride, horizontal.Stride), g.Output, y, (1, 1), [[phase]], epilogue);
    }

    /// <summary>As in <see cref="DirectConvolution{F}"/>: every phase of dx is a convolution of dy with stride 1.</summary>
    public override void BackwardInput(
        CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx)
    {
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        Phase[][] phases = [.. Enumerable.Range(0, vertical.Phases).Select(py =>
            Enumerable.Range(0, horizontal.Phases).Select(px => PhaseOf(py, px)).ToArray())];
        Run(device, g.Output, dy, (1, 1), g.Input, dx, (vertical.Stride, horizontal.Stride), phases, epilogue);
        foreach (Phase phase in phases.SelectMany(row => row))
            phase.Dispose();

        Phase PhaseOf(int py, int px)
        {
            int[] rows = vertical.TapsOfPhase(py), columns = horizontal.TapsOfPhase(px);
            CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>($"depthwise backward input {g.Window} {py} {px}",
                _ => Pack(device, g, weight, rows, columns));
            return new(packed, [.. rows.Select(r => vertical.OutputOf(py, r))], [.. columns.Select(s => horizontal.OutputOf(px, s))],
                g.Output, horizontal.PixelsOfPhase(px), 1);
        }
    }

    public override void BackwardWeight(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw) =>
        DepthwiseWeightGradient<F>.Run(device, g, x, dy, dw);

    /// <summary>The weights of some taps: [channel block][tap][lane].</summary>
    private static CpuBuffer<float> Pack(CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> weight, int[] rows, int[] columns)
    {
        CpuBuffer<float> packed = new(device, g.Input.Blocks * rows.Length * columns.Length * F.Width);
        float* from = CpuDevice.Pointer(weight), to = packed.Pointer;
        for (int block = 0; block < g.Input.Blocks; block++)
            foreach (int r in rows)
                foreach (int s in columns)
                    for (int lane = 0; lane < F.Width; lane++, to++)
                        if (block * F.Width + lane < g.C)
                            *to = from[((block * F.Width + lane) * g.R + r) * g.S + s];
        return packed;
    }

    /// <summary>
    /// Some pixels of the target that all use the same taps: pixel (row, p) reads the source at (row·strideY + RowShifts[i], p·strideX +
    /// ColumnShifts[j]). Both lists ascend or descend.
    /// </summary>
    private sealed class Phase : IDisposable
    {
        private readonly CpuOffsets offsets;

        public Phase(CpuBuffer<float> weights, int[] rowShifts, int[] columnShifts, ActivationLayout source, int width, int stride)
        {
            (Weights, RowShifts, ColumnShifts, Width) = (weights, rowShifts, columnShifts, width);
            offsets = new(rowShifts.Length * columnShifts.Length);
            int i = 0;
            foreach (int dy in rowShifts)
                foreach (int dx in columnShifts)
                    offsets[i++] = dy * source.RowStride + dx * F.Width;
            // −1 ≤ p·stride + shift ≤ W for all shifts.
            int least = columnShifts.DefaultIfEmpty(0).Min(), most = columnShifts.DefaultIfEmpty(0).Max();
            First = Math.Min(width, (Math.Max(0, -1 - least) + stride - 1) / stride);
            End = source.W - most < 0 ? First : Math.Clamp((source.W - most) / stride + 1, First, width);
        }

        public CpuBuffer<float> Weights { get; }
        public int[] RowShifts { get; }
        public int[] ColumnShifts { get; }

        /// <summary>Pixels in a row.</summary>
        public int Width { get; }

        /// <summary>The pixels whose taps stay within the border: First…End−1.</summary>
        public int First { get; }
        public int End { get; }
        public nint* Offsets => offsets.Pointer;

        public void Dispose() => offsets.Dispose();
    }

    private static void Run(
        CpuDevice device, ActivationLayout source, float* x, (int Y, int X) sourceStep, ActivationLayout target, float* y,
        (int Y, int X) targetStep, Phase[][] phases, Conv2dEpilogue epilogue)
    {
        PlaneView from = new(source, x), to = new(target, y);
        float* bias = epilogue.Bias is null ? null : CpuDevice.Pointer(epilogue.Bias);
        F low = F.Broadcast(epilogue.Relu ? 0 : float.NegativeInfinity);
        nint residual = epilogue.Residual is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Residual) - y);
        nint gate = epilogue.Gate is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Gate) - y);
        device.For(target.N * target.Blocks, (item, _) =>
        {
            (int n, int block) = Math.DivRem(item, target.Blocks);
            PixelEnding<F> end = new(bias == null ? F.Zero : F.Load(bias + block * F.Width), low, residual, gate);
            float* plane = from.First + n * from.Image + block * from.Plane, result = to.First + n * to.Image + block * to.Plane;
            for (int row = 0; row < target.H; row++)
            {
                Phase[] columns = phases[row % targetStep.Y];
                for (int px = 0; px < columns.Length; px++)
                    Row(columns[px], block, plane, row / targetStep.Y * sourceStep.Y, source, sourceStep.X,
                        result + row * to.Row + px * F.Width, targetStep.X * F.Width, end);
            }
        });
    }

    /// <summary>The pixels of a phase in one row of the target.</summary>
    /// <param name="plane">Of the source.</param>
    /// <param name="row">The row of the source to which the phase's shifts are added.</param>
    private static void Row(
        Phase phase, int block, float* plane, int row, ActivationLayout source, int step, float* y, nint yStep, in PixelEnding<F> end)
    {
        int columns = phase.ColumnShifts.Length;
        var (first, rows) = Inside(phase.RowShifts, row, source.H);
        float* x = plane + row * source.RowStride;
        nint* offsets = phase.Offsets + first * columns;
        float* w = phase.Weights.Pointer + ((nint)block * phase.RowShifts.Length + first) * columns * F.Width;
        for (int p = 0; p < phase.Width; p++)
        {
            if (p == phase.First && phase.End > p)
            {
                float* at = x + (nint)p * step * F.Width, to = y + p * yStep;
                int count = phase.End - p;
                if (step == 1)
                    DepthwiseTiles<F>.Row<BlockRows<F>>(count, at, offsets, rows * columns, w, to, yStep, end);
                else if (step == 2)
                    DepthwiseTiles<F>.Row<EverySecondBlock<F>>(count, at, offsets, rows * columns, w, to, yStep, end);
                else
                    for (int i = 0; i < count; i++)
                        DepthwiseTiles<F>.Pixel(at + (nint)i * step * F.Width, offsets, 1, rows * columns, 0, w, to + i * yStep, end);
                p = phase.End - 1;
                continue;
            }
            var (left, some) = Inside(phase.ColumnShifts, p * step, source.W);
            DepthwiseTiles<F>.Pixel(x + (nint)p * step * F.Width, offsets + left, rows, some, columns, w + left * F.Width, y + p * yStep,
                end);
        }
    }

    /// <summary>The shifts that lead from a position to 0…<paramref name="size"/>−1: the first, and how many.</summary>
    private static (int First, int Count) Inside(int[] shifts, int position, int size)
    {
        int first = 0, end = shifts.Length;
        while (first < end && (uint)(position + shifts[first]) >= (uint)size)
            first++;
        while (end > first && (uint)(position + shifts[end - 1]) >= (uint)size)
            end--;
        return (first, end - first);
    }
}
