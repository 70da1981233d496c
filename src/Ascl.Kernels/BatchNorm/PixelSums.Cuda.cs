using System.Numerics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.BatchNorm;

/// <summary>
/// The distribution of an activation's pixels over a GPU: a group takes some rows of one image and up to 32 neighbouring quads (of four
/// channels). A thread owns one quad of every n-th pixel of the rows; neighbouring threads read neighbouring 16 bytes.
/// </summary>
internal struct PixelWork
{
    private const int MostLanes = 32, PixelsAThread = 4;

    public int Height, Width, RowsAGroup, Quads, LaneShift;
    public PixelGrid Places;
    public InvariantDivision ByWidth;

    public PixelWork(ActivationLayout layout)
    {
        (Height, Width, Quads) = (layout.H, layout.W, layout.Block / 4);
        LaneShift = BitOperations.Log2((uint)Math.Min(MostLanes, (int)BitOperations.RoundUpToPowerOf2((uint)Quads)));
        RowsAGroup = Math.Clamp(((CudaDevice.GroupSize >> LaneShift) * PixelsAThread + Width - 1) / Width, 1, Height);
        Places = PixelGrid.Of(layout);
        ByWidth = new(Width);
    }

    /// <summary>Groups per image, which share its rows.</summary>
    public readonly int Splits => (Height + RowsAGroup - 1) / RowsAGroup;

    public readonly KernelConfig Config(int images) =>
        (new Index3D(images, Splits, (Quads + (1 << LaneShift) - 1) >> LaneShift), new Index3D(CudaDevice.GroupSize, 1, 1));

    // The members below are called in kernels.

    /// <summary>The quad of channels that this thread owns; <see cref="Quads"/> or more if none.</summary>
    public readonly int Quad => (Grid.IdxZ << LaneShift) + (Group.IdxX & ((1 << LaneShift) - 1));

    /// <summary>This thread's first pixel in its group's rows, and the step to its next.</summary>
    public readonly int FirstPixel => Group.IdxX >> LaneShift;
    public readonly int PixelStep => Group.DimX >> LaneShift;

    public readonly int Pixels
    {
        get
        {
            int rows = Height - Grid.IdxY * RowsAGroup;
            return (rows < RowsAGroup ? rows : RowsAGroup) * Width;
        }
    }

    /// <summary>The address of a pixel's quad, in quads.</summary>
    public readonly int At(int pixel)
    {
        int row = ByWidth.Quotient(pixel);
        return Places.At(Grid.IdxX, Grid.IdxY * RowsAGroup + row, pixel - row * Width) + Quad;
    }
}

/// <summary>Two terms of each value of an activation, to be summed over all pixels.</summary>
internal interface IPixelTerms
{
    /// <param name="p">The operands.</param>
    /// <param name="at">Address of the quad.</param>
    /// <param name="quad">Its channels.</param>
    static abstract (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad);
}

internal struct PixelSumsArguments
{
    public PixelWork Work;
    public ArrayView<float> X, Dy, Y, Mean, InverseStd, Partial;

    /// <summary>Divides an address in quads by the quads of a pixel, for numbers that pixels have.</summary>
    public InvariantDivision ByQuads;
}

internal struct FinishArguments
{
    public ArrayView<float> Partial;
    public int Parts, Quads;
}

/// <summary>
/// Per-channel sums of two terms over an activation's pixels, in a fixed order: one pair per group, then a second kernel sums the pairs.
/// </summary>
internal static class PixelSums
{
    /// <summary>The sums of each group, [part][2][channels]; the caller returns the buffer to the pool.</summary>
    /// <param name="arguments">The work and the operands.</param>
    public static DeviceBuffer<float> Partial<TTerms>(
        CudaDevice device, ActivationLayout layout, PixelSumsArguments arguments, out int parts) where TTerms : struct, IPixelTerms
    {
        parts = layout.N * arguments.Work.Splits;
        DeviceBuffer<float> partial = device.Pool.Rent(checked(parts * 2 * layout.Block), 0);
        arguments.Partial = CudaDevice.View(partial);
        device.Launch(Groups<TTerms>, arguments.Work.Config(layout.N), arguments);
        return partial;
    }

    internal static void Groups<TTerms>(PixelSumsArguments p) where TTerms : struct, IPixelTerms
    {
        var firsts = SharedMemory.Allocate<Float4>(CudaDevice.GroupSize);
        var seconds = SharedMemory.Allocate<Float4>(CudaDevice.GroupSize);
        PixelWork work = p.Work;
        int quad = work.Quad, t = Group.IdxX;
        Float4 first = default, second = default;
        if (quad < work.Quads)
        {
            int pixels = work.Pixels;
            for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
            {
                (Float4 a, Float4 b) = TTerms.Of(p, work.At(pixel), quad);
                first += a;
                second += b;
            }
        }
        firsts[t] = first;
        seconds[t] = second;
        Tree(firsts, seconds, 1 << work.LaneShift);
        if (work.FirstPixel == 0 && quad < work.Quads)
        {
            var to = p.Partial.Cast<Float4>();
            int part = (Grid.IdxX * Grid.DimY + Grid.IdxY) * 2 * work.Quads + quad;
            to[part] = firsts[t];
            to[part + work.Quads] = seconds[t];
        }
    }

    /// <summary>
    /// The sums of one quad of channels over all parts, or those of one image, computed by one group (Grid.IdxX is the quad, Grid.IdxY the
    /// image); valid in its first thread.
    /// </summary>
    public static (Float4 First, Float4 Second) Finish(FinishArguments p)
    {
        var firsts = SharedMemory.Allocate<Float4>(CudaDevice.GroupSize);
        var seconds = SharedMemory.Allocate<Float4>(CudaDevice.GroupSize);
        var from = p.Partial.Cast<Float4>();
        int t = Group.IdxX;
        Float4 first = default, second = default;
        for (int part = t; part < p.Parts; part += Group.DimX)
        {
            int at = (Grid.IdxY * p.Parts + part) * 2 * p.Quads + Grid.IdxX;
            first += from[at];
            second += from[at + p.Quads];
        }
        firsts[t] = first;
        seconds[t] = second;
        Tree(firsts, seconds, 1);
        return (firsts[0], seconds[0]);
    }

    /// <summary>Sums over the threads that are a multiple of <paramref name="lanes"/> apart, into the first of them.</summary>
    private static void Tree(ArrayView<Float4> firsts, ArrayView<Float4> seconds, int lanes)
    {
        int t = Group.IdxX;
        for (int step = Group.DimX >> 1; step >= lanes; step >>= 1)
        {
            Group.Barrier();
            if (t < step)
            {
                firsts[t] += firsts[t + step];
                seconds[t] += seconds[t + step];
            }
        }
        Group.Barrier();
    }
}
