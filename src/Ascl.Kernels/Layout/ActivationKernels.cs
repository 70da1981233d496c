using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Layout;

/// <summary>Conversions between plain [N, C, H, W] memory and activations.</summary>
public static unsafe partial class ActivationKernels
{
    /// <summary>Plain pixels to an activation: a[n, c, y, x] = (x[n, c, y, x] − mean[c])·scale[c].</summary>
    /// <param name="layout">Of the activation.</param>
    /// <param name="plain">[N, C, H, W].</param>
    /// <param name="mean">[C]; empty for 0.</param>
    /// <param name="scale">[C]; empty for 1.</param>
    /// <param name="activation">Receives a, and zeros in the padding channels of the last block. Its border is not written.</param>
    public static void FromPlain(
        ActivationLayout layout, DeviceBuffer<float> plain, ReadOnlyMemory<float> mean, ReadOnlyMemory<float> scale,
        DeviceBuffer<float> activation)
    {
        DeviceKernel.Run("activation.from_plain", layout, 0, 8.0 * plain.Length, OnCpu,
            cuda => Cuda.FromPlain(cuda, layout, plain, mean, scale, activation), activation);

        void OnCpu(CpuDevice cpu)
        {
            float* from = CpuDevice.Pointer(plain);
            PlaneView to = new(layout, CpuDevice.Pointer(activation));
            // Memory from the pool may hold an activation of more channels.
            if (layout.C % layout.Block != 0)
                ClearPadding(cpu, layout, to);
            if (IsVectors(layout) && mean.IsEmpty && scale.IsEmpty)
            {
                CopyVectors(cpu, layout, from, layout.C, layout.Block, to.First, to.Image, to.Plane);
                return;
            }
            ForEachPlane(cpu, layout, (n, c) =>
            {
                float m = mean.IsEmpty ? 0 : mean.Span[c], s = scale.IsEmpty ? 1 : scale.Span[c];
                float* a = to.First + n * to.Image + c / layout.Block * to.Plane + c % layout.Block;
                float* p = from + ((nint)n * layout.C + c) * layout.H * layout.W;
                CopyPlane(layout.H, layout.W, p, layout.W, 1, a, to.Row, layout.Block, m, s);
            });
        }
    }

    /// <summary>An activation to plain pixels: x[n, c, y, x] = a[n, c, y, x]·scale[c].</summary>
    /// <param name="layout">Of the activation.</param>
    /// <param name="activation">a.</param>
    /// <param name="scale">[C]; empty for 1.</param>
    /// <param name="plain">[N, C, H, W] receives x.</param>
    public static void ToPlain(
        ActivationLayout layout, DeviceBuffer<float> activation, ReadOnlyMemory<float> scale, DeviceBuffer<float> plain)
    {
        DeviceKernel.Run("activation.to_plain", layout, 0, 8.0 * plain.Length, OnCpu,
            cuda => Cuda.ToPlain(cuda, layout, activation, scale, plain), plain);

        void OnCpu(CpuDevice cpu)
        {
            float* to = CpuDevice.Pointer(plain);
            PlaneView from = new(layout, CpuDevice.Pointer(activation));
            if (IsVectors(layout) && scale.IsEmpty)
            {
                CopyVectors(cpu, layout, from.First, from.Image, from.Plane, to, layout.C, layout.Block);
                return;
            }
            ForEachPlane(cpu, layout, (n, c) =>
            {
                float s = scale.IsEmpty ? 1 : scale.Span[c];
                float* a = from.First + n * from.Image + c / layout.Block * from.Plane + c % layout.Block;
                float* p = to + ((nint)n * layout.C + c) * layout.H * layout.W;
                CopyPlane(layout.H, layout.W, a, from.Row, layout.Block, p, layout.W, 1, 0, s);
            });
        }
    }

    /// <summary>
    /// Zeroes the border and the padding channels of the last block, after an elementwise formula with f(0) ≠ 0 ran over the whole buffer.
    /// </summary>
    public static void ClearOutside(ActivationLayout layout, DeviceBuffer<float> activation)
    {
        DeviceKernel.Run("activation.clear_outside", layout, 0,
            4.0 * layout.N * layout.Blocks * 2 * (layout.H + layout.W + 2) * layout.Block, OnCpu, cuda =>
                Cuda.ClearOutside(cuda, layout, activation), activation);

        void OnCpu(CpuDevice cpu)
        {
            float* data = CpuDevice.Pointer(activation);
            int row = layout.RowStride, halo = ActivationLayout.Halo * layout.Block, absent = layout.Blocks * layout.Block - layout.C;
            cpu.For(layout.N * layout.Blocks, (plane, _) =>
            {
                Span<float> all = new(data + (nint)plane * layout.PlaneSize, layout.PlaneSize);
                all[..row].Clear();
                all[^row..].Clear();
                for (int y = 1; y <= layout.H; y++)
                {
                    Span<float> line = all.Slice(y * row, row);
                    line[..halo].Clear();
                    line[^halo..].Clear();
                    for (int pixel = layout.Block; absent > 0 && plane % layout.Blocks == layout.Blocks - 1 && pixel <= line.Length;
                        pixel += layout.Block)
                        line.Slice(pixel - absent, absent).Clear();
                }
            });
        }
    }

    /// <summary>Whether images are single pixels, so that channels lie side by side on both sides.</summary>
    private static bool IsVectors(ActivationLayout layout) => layout is { H: 1, W: 1, Block: > 1 };

    /// <summary>Block after block of single pixels; strides are from image to image and from block to block.</summary>
    private static void CopyVectors(
        CpuDevice device, ActivationLayout layout, float* from, nint fromImage, nint fromBlock, float* to, nint toImage, nint toBlock) =>
        device.For(layout.N, (n, _) =>
        {
            for (int block = 0; block < layout.Blocks; block++)
            {
                int present = Math.Min(layout.Block, layout.C - block * layout.Block);
                new ReadOnlySpan<float>(from + n * fromImage + block * fromBlock, present)
                    .CopyTo(new(to + n * toImage + block * toBlock, present));
            }
        });

    /// <summary>Zeroes the padding channels of the pixels, not of the border.</summary>
    private static void ClearPadding(CpuDevice device, ActivationLayout layout, PlaneView view) =>
        device.For(layout.N, (n, _) =>
        {
            int present = layout.C % layout.Block;
            float* plane = view.First + n * view.Image + (layout.Blocks - 1) * view.Plane;
            for (int y = 0; y < layout.H; y++)
                for (int x = 0; x < layout.W; x++)
                    new Span<float>(plane + y * view.Row + x * layout.Block + present, layout.Block - present).Clear();
        });

    /// <summary>
    /// y[n, c, i, j] = x[n, c, i − top, j − left], 0 outside x: with padding, or without some rows and columns where
    /// <paramref name="top"/> and <paramref name="left"/> are negative. Both have the same N, C and block.
    /// </summary>
    /// <param name="from">Layout of x.</param>
    /// <param name="x">An activation or image planes.</param>
    /// <param name="to">Layout of y.</param>
    /// <param name="top">Rows of zeros above x.</param>
    /// <param name="left">Columns of zeros to its left.</param>
    /// <param name="y">Receives the result. Its border is not written.</param>
    public static void Pad(ActivationLayout from, DeviceBuffer<float> x, ActivationLayout to, int top, int left, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("activation.pad", (from, to), 0, 4.0 * (x.Length + y.Length), OnCpu,
            cuda => Cuda.Pad(cuda, from, x, to, top, left, y), y);

        void OnCpu(CpuDevice cpu)
        {
            PlaneView source = new(from, CpuDevice.Pointer(x)), target = new(to, CpuDevice.Pointer(y));
            int block = to.Block, first = Math.Clamp(left, 0, to.W), end = Math.Clamp(left + from.W, first, to.W);
            cpu.For(to.N * to.Blocks, (plane, _) =>
            {
                for (int i = 0; i < to.H; i++)
                {
                    Span<float> row = new(target.First + plane * target.Plane + i * target.Row, to.W * block);
                    if (i < top || i >= top + from.H)
                    {
                        row.Clear();
                        continue;
                    }
                    row[..(first * block)].Clear();
                    new Span<float>(source.First + plane * source.Plane + (i - top) * source.Row + (first - left) * block,
                        (end - first) * block).CopyTo(row[(first * block)..]);
                    row[(end * block)..].Clear();
                }
            });
        }
    }

    private static void ForEachPlane(CpuDevice device, ActivationLayout layout, Action<int, int> body) =>
        device.For(layout.N, (n, _) =>
        {
            for (int c = 0; c < layout.C; c++)
                body(n, c);
        });

    /// <summary>to = (from − mean)·scale over the pixels of one channel; eight pixels per vector if both sides are planes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyPlane(
        int height, int width, float* from, nint fromRow, nint fromPixel, float* to, nint toRow, nint toPixel, float mean, float scale)
    {
        Vector256<float> means = Vector256.Create(mean), scales = Vector256.Create(scale);
        int whole = fromPixel == 1 && toPixel == 1 ? width / 8 * 8 : 0;
        for (int y = 0; y < height; y++, from += fromRow, to += toRow)
        {
            for (int x = 0; x < whole; x += 8)
                Vector256.Store((Vector256.Load(from + x) - means) * scales, to + x);
            for (int x = whole; x < width; x++)
                to[x * toPixel] = (from[x * fromPixel] - mean) * scale;
        }
    }
}
