using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The input gradient of a convolution over image planes: dx[c, y, x] = Σ over r, s, k of w[k, c, r, s] · dy[k, (y + Top −
/// r·DilationY)/StrideY, (x + Left − s·DilationX)/StrideX], over the r and s for which the divisions are exact. An image has too few
/// channels to fill a block, so here the lanes are pixels of a row of dx and the rows of a register tile are channels. This needs each
/// channel of dy as a row of pixels: a ring buffer holds the rows of dy that a row of dx needs, transposed.
/// </summary>
internal static unsafe class ImageGradient<F> where F : struct, ISimd<F>
{
    public static void Run(CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, float* dx)
    {
        int c = g.C;
        ConvolutionAxis vertical = g.Vertical, horizontal = g.Horizontal;
        float* packed = weight.Derived<CpuBuffer<float>>($"image gradient {g.Groups}", _ => Pack(device, g, weight)).Pointer;
        PlaneView from = new(g.Output, dy), to = new(g.Input, dx);
        // The pixels of a row of dx fall into phases; those of one phase use the same taps, of neighbouring pixels of dy.
        (int S, int Shift)[][] taps = [.. Enumerable.Range(0, horizontal.Phases).Select(phase =>
            horizontal.TapsOfPhase(phase).Select(s => (s, horizontal.OutputOf(phase, s))).ToArray())];
        int vectors = (horizontal.PixelsOfPhase(0) + F.Width - 1) / F.Width, widest = TilePlan<F>.Widest(c, vectors);
        var groups = TilePlan<F>.Groups(vectors, widest);
        // A row of the ring: zeros, dy's pixels starting at column lead, zeros.
        int[] shifts = [.. taps.SelectMany(phase => phase.Select(tap => tap.Shift)), 0];
        int lead = -shifts.Min(), columns = lead + Math.Max(g.Output.W, shifts.Max() + vectors * F.Width);
        // Rows of dy that a row of dx may need.
        int ringRows = (g.R - 1) * vertical.Dilation / vertical.Stride + 1;
        int ringRow = g.Output.Blocks * F.Width * columns;
        device.For(g.Input.N, (n, worker) =>
        {
            float* ring = device.Scratch(worker, ringRows * ringRow + c * vectors * F.Width), sums = ring + ringRows * ringRow;
            new Span<float>(ring, ringRows * ringRow).Clear();
            nint* aOffsets = stackalloc nint[g.R * g.S], bOffsets = stackalloc nint[g.R * g.S];
            for (int y = 0, filled = 0; y < g.Input.H; y++)
            {
                for (; filled < g.Output.H && filled * vertical.Stride <= y + vertical.Padding; filled++)
                    Fill(g.Output, from.First + n * from.Image + filled * from.Row, ring + filled % ringRows * ringRow + lead, columns);
                for (int phase = 0; phase < taps.Length; phase++)
                {
                    int segments = 0;
                    for (int r = 0; r < g.R; r++)
                    {
                        (int row, int rest) = Math.DivRem(y + vertical.Padding - r * vertical.Dilation, vertical.Stride);
                        if (rest != 0 || row < 0 || row >= g.Output.H)
                            continue;
                        int start = row % ringRows * ringRow + lead;
                        foreach (var (s, shift) in taps[phase])
                        {
                            aOffsets[segments] = (r * g.S + s) * g.K * c;
                            bOffsets[segments++] = start + shift;
                        }
                    }
                    foreach (var (start, v) in groups)
                        MicroKernels<F, UnitRows>.Run(TilePlan<F>.Rows(c, v), v, 1, packed, aOffsets, segments, g.K, c,
                            ring + start * F.Width, bOffsets, columns, F.Width, sums + start * F.Width, vectors * F.Width, F.Width, false);
                    for (int channel = 0; channel < c; channel++)
                        Scatter(sums + channel * vectors * F.Width, to.First + n * to.Image + channel * to.Plane + y * to.Row + phase,
                            horizontal.PixelsOfPhase(phase), horizontal.Stride);
                }
            }
        });
    }

    /// <summary>
    /// Transposes one row of dy, all channels, into the ring, and prefetches the next row, which is far away in each channel block.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fill(ActivationLayout layout, float* row, float* ring, nint columns)
    {
        for (int block = 0; block < layout.Blocks; block++, row += layout.PlaneSize, ring += F.Width * columns)
        {
            Transposition.Run(layout.W, F.Width, row, F.Width, ring, columns);
            for (int x = 0; x < layout.W * F.Width && Sse.IsSupported; x += 16)
                Sse.Prefetch1(row + layout.RowStride + x);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(float* values, float* pixels, int count, int step)
    {
        if (step == 1)
            new Span<float>(values, count).CopyTo(new Span<float>(pixels, count));
        else
            for (int i = 0; i < count; i++)
                pixels[i * step] = values[i];
    }

    /// <summary>The weights as [R][S][K][C], zero between groups.</summary>
    private static CpuBuffer<float> Pack(CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> weight)
    {
        CpuBuffer<float> packed = new(device, g.R * g.S * g.K * g.C);
        float* from = CpuDevice.Pointer(weight), to = packed.Pointer;
        for (int tap = 0; tap < g.R * g.S; tap++)
            for (int k = 0; k < g.K; k++)
                for (int c = 0; c < g.C; c++)
                {
                    int index = g.WeightAt(k, c, tap);
                    *to++ = index < 0 ? 0 : from[index];
                }
        return packed;
    }
}
