using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Depthwise convolution: each channel is a group, with one channel of y. A lane is a channel. A work item is a channel block of an image,
/// row by row: the rows that a row of the result reads stay in the L1 cache. Rows of taps outside the image are left out; if columns are
/// beyond the border of one zero pixel, the plane is copied with a wider one, which costs little beside so many taps.
/// </summary>
internal sealed unsafe class DepthwiseConvolution<F> : Conv2dCpu where F : struct, ISimd<F>
{
    public override bool AppliesLimits => true;

    public override void Forward(
        CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums, float* y)
    {
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        int[] rows = [.. Enumerable.Range(0, g.R)], columns = [.. Enumerable.Range(0, g.S)];
        CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>("depthwise forward", _ => Pack(device, g, weight, rows, columns));
        Source source = new(g.Input, x, horizontal.InputReach, vertical.Stride, horizontal.Stride);
        using Phase phase = new(packed, [.. rows.Select(r => r * vertical.Dilation - vertical.Padding)],
            [.. columns.Select(s => s * horizontal.Dilation - horizontal.Padding)], g.Output.W, source);
        Run(device, source, g.Output, y, (1, 1), [[phase]], epilogue);
    }

    /// <summary>As in <see cref="DirectConvolution{F}"/>: every phase of dx is a convolution of dy with stride 1.</summary>
    public override void BackwardInput(
        CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx)
    {
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        Source source = new(g.Output, dy, horizontal.GradientReach, 1, 1);
        Phase[][] phases = [.. Enumerable.Range(0, vertical.Phases).Select(py =>
            Enumerable.Range(0, horizontal.Phases).Select(px => PhaseOf(py, px)).ToArray())];
        Run(device, source, g.Input, dx, (vertical.Stride, horizontal.Stride), phases, epilogue);
        foreach (Phase phase in phases.SelectMany(row => row))
            phase.Dispose();

        Phase PhaseOf(int py, int px)
        {
            int[] rows = vertical.TapsOfPhase(py), columns = horizontal.TapsOfPhase(px);
            CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>($"depthwise backward input {g.Window} {py} {px}",
                _ => Pack(device, g, weight, rows, columns));
            return new(packed, [.. rows.Select(r => vertical.OutputOf(py, r))], [.. columns.Select(s => horizontal.OutputOf(px, s))],
                horizontal.PixelsOfPhase(px), source);
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

    /// <summary>What is read, StepY rows and StepX columns of it for each of the target.</summary>
    private readonly struct Source(ActivationLayout layout, float* data, int reach, int stepY, int stepX)
    {
        private readonly PlaneView view = new(layout, data);
        private readonly int halo = Math.Max(reach, ActivationLayout.Halo);

        public int H => layout.H;
        public int StepY => stepY;
        public int StepX => stepX;
        public nint Row => (layout.W + 2 * halo) * F.Width;

        /// <summary>The first pixel of a plane whose rows have enough zeros at their ends: its own, or that of a copy in scratch
        /// memory.</summary>
        public float* Plane(CpuDevice device, int worker, int n, int block)
        {
            float* plane = view.First + n * view.Image + block * view.Plane;
            if (halo == ActivationLayout.Halo)
                return plane;
            int margin = halo * F.Width, width = layout.W * F.Width, row = width + 2 * margin;
            float* copy = device.Scratch(worker, layout.H * row);
            for (int y = 0; y < layout.H; y++)
            {
                Span<float> to = new(copy + y * row, row);
                to[..margin].Clear();
                new Span<float>(plane + y * view.Row, width).CopyTo(to[margin..]);
                to[^margin..].Clear();
            }
            return copy + margin;
        }
    }

    /// <summary>
    /// Some pixels of the target that all use the same taps: pixel (row, p) reads the source at (row·StepY + RowShifts[i], p·StepX +
    /// columnShifts[j]). The shifts of rows ascend or descend.
    /// </summary>
    private sealed class Phase : IDisposable
    {
        private readonly CpuOffsets offsets;

        public Phase(CpuBuffer<float> weights, int[] rowShifts, int[] columnShifts, int width, Source source)
        {
            (Weights, RowShifts, Columns, Width) = (weights, rowShifts, columnShifts.Length, width);
            offsets = new(rowShifts.Length * columnShifts.Length);
            int i = 0;
            foreach (int dy in rowShifts)
                foreach (int dx in columnShifts)
                    offsets[i++] = dy * source.Row + dx * F.Width;
        }

        public CpuBuffer<float> Weights { get; }
        public int[] RowShifts { get; }

        /// <summary>Taps in a row of them.</summary>
        public int Columns { get; }

        /// <summary>Pixels in a row.</summary>
        public int Width { get; }
        public nint* Offsets => offsets.Pointer;

        public void Dispose() => offsets.Dispose();
    }

    private static void Run(
        CpuDevice device, Source source, ActivationLayout target, float* y, (int Y, int X) targetStep, Phase[][] phases,
        Conv2dEpilogue epilogue)
    {
        PlaneView to = new(target, y);
        float* bias = epilogue.Bias is null ? null : CpuDevice.Pointer(epilogue.Bias);
        F low = F.Broadcast(epilogue.Relu ? 0 : float.NegativeInfinity), high = F.Broadcast(epilogue.Limit ?? float.PositiveInfinity);
        F gateHigh = F.Broadcast(epilogue.GateLimit ?? float.PositiveInfinity);
        nint residual = epilogue.Residual is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Residual) - y);
        nint gate = epilogue.Gate is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Gate) - y);
        device.For(target.N * target.Blocks, (item, worker) =>
        {
            (int n, int block) = Math.DivRem(item, target.Blocks);
            PixelEnding<F> end = new(bias == null ? F.Zero : F.Load(bias + block * F.Width), low, high, residual, gate, gateHigh);
            float* plane = source.Plane(device, worker, n, block), result = to.First + n * to.Image + block * to.Plane;
            for (int row = 0; row < target.H; row++)
            {
                Phase[] columns = phases[row % targetStep.Y];
                for (int px = 0; px < columns.Length; px++)
                    Row(columns[px], block, plane, row / targetStep.Y * source.StepY, source, result + row * to.Row + px * F.Width,
                        targetStep.X * F.Width, end);
            }
        });
    }

    /// <summary>The pixels of a phase in one row of the target.</summary>
    /// <param name="plane">Of the source.</param>
    /// <param name="row">The row of the source to which the phase's shifts are added.</param>
    private static void Row(Phase phase, int block, float* plane, int row, in Source source, float* y, nint yStep, in PixelEnding<F> end)
    {
        var (first, rows) = Inside(phase.RowShifts, row, source.H);
        float* x = plane + row * source.Row;
        nint* offsets = phase.Offsets + first * phase.Columns;
        nint taps = rows * phase.Columns;
        float* w = phase.Weights.Pointer + ((nint)block * phase.RowShifts.Length + first) * phase.Columns * F.Width;
        if (source.StepX == 1)
            DepthwiseTiles<F>.Row<BlockRows<F>>(phase.Width, x, offsets, taps, w, y, yStep, end);
        else if (source.StepX == 2)
            DepthwiseTiles<F>.Row<EverySecondBlock<F>>(phase.Width, x, offsets, taps, w, y, yStep, end);
        else
            for (int p = 0; p < phase.Width; p++)
                DepthwiseTiles<F>.Pixel(x + (nint)p * source.StepX * F.Width, offsets, taps, w, y + p * yStep, end);
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
