using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

public static partial class Conv2dKernels
{
    private static void ForwardCuda(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> y)
    {
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Input, x, g.Padding, out DeviceBuffer<float>? copy);
        int taps = g.R * g.S;
        Convolve(device, "forward", new(g.K, g.C * taps, g.C, taps, g.R, g.S, FirstTap: 0, TapRowStep: g.S, TapColumnStep: 1), weight,
            (memory, pixels.Every(g.Stride, -g.Padding, -g.Padding), (pixels.Row, pixels.Pixel)),
            (g.Output, y, PixelGrid.Of(g.Output), new(g.Output.N, g.Output.H, g.Output.W)), epilogue);
        Return(device, copy);
    }

    /// <summary>
    /// The pixels of dx fall into Stride² phases. Within a phase all pixels use the same taps of neighbouring pixels of dy, so a phase is a
    /// stride-1 convolution that writes every Stride-th pixel. The taps of a phase are Stride apart; the next tap reads the previous pixel
    /// of dy.
    /// </summary>
    private static void BackwardInputCuda(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> dx)
    {
        var (stride, taps) = (g.Stride, g.R * g.S);
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Output, dy, g.InputGradientReach, out DeviceBuffer<float>? copy);
        PixelGrid to = PixelGrid.Of(g.Input);
        for (int py = 0; py < Math.Min(stride, g.Input.H); py++)
        {
            for (int px = 0; px < Math.Min(stride, g.Input.W); px++)
            {
                int[] rows = g.TapsOfPhase(g.R, py), columns = g.TapsOfPhase(g.S, px);
                var (r, s) = rows.Length == 0 || columns.Length == 0 ? (py + g.Padding, px + g.Padding) : (rows[0], columns[0]);
                Convolve(device, $"backward input {stride} {g.Padding} {py} {px}",
                    new(g.C, taps, g.K, g.C * taps, rows.Length, columns.Length, FirstTap: r * g.S + s, TapRowStep: stride * g.S,
                        TapColumnStep: stride), weight,
                    (memory, pixels.Every(1, (py + g.Padding - r) / stride, (px + g.Padding - s) / stride), (-pixels.Row, -pixels.Pixel)),
                    (g.Input, dx, to.Every(stride, py, px),
                        new(g.Input.N, (g.Input.H - py + stride - 1) / stride, (g.Input.W - px + stride - 1) / stride)), epilogue);
            }
        }
        Return(device, copy);
    }

    /// <summary>Launches one implicit GEMM; the weights are repacked only after a change.</summary>
    private static void Convolve(CudaDevice device, string what, ConvolutionOperands.Packing packing, DeviceBuffer<float> weight,
        (ArrayView<float> Memory, PixelGrid Pixels, (int Row, int Column) TapStep) from,
        (ActivationLayout Layout, DeviceBuffer<float> Memory, PixelGrid Pixels, PixelNumbers Numbers) to, Conv2dEpilogue epilogue)
    {
        if (TensorCoreConvolution.Takes(device, to.Layout, packing.Channels))
        {
            TensorCoreConvolution.Convolve(device, what, packing, weight, from, to, epilogue);
            return;
        }
        bool planes = to.Layout.Block == 1;
        int columns = ImplicitGemm.TileColumns(packing.Columns, planes);
        DeviceBuffer<float> packed = weight.Derived<DeviceBuffer<float>>($"cuda {what} {columns}",
            old => ConvolutionOperands.Pack(device, packing, columns, weight, old));
        var (kernel, rows, threads) = ImplicitGemm.Choose(device, to.Numbers.Count, packing.Columns, columns);
        device.Launch(kernel,
            (new Index3D((to.Numbers.Count + rows - 1) / rows, (packing.Columns + columns - 1) / columns, 1), new Index3D(threads, 1, 1)),
            new ImplicitGemm.ConvolveArguments
            {
                X = from.Memory,
                Weight = CudaDevice.View(packed),
                Bias = CudaDevice.View(epilogue.Bias),
                Residual = CudaDevice.View(epilogue.Residual),
                Gate = CudaDevice.View(epilogue.Gate),
                Y = CudaDevice.View(to.Memory),
                Pixels = to.Numbers,
                Input = from.Pixels,
                Output = to.Pixels,
                TapRowStep = from.TapStep.Row,
                TapColumnStep = from.TapStep.Column,
                TapColumns = packing.TapColumns,
                Quads = packing.Quads,
                TotalQuads = packing.TotalQuads,
                Channels = packing.Columns,
                Plane = planes ? to.Layout.PlaneSize : 0,
                Relu = epilogue.Relu ? 1 : 0,
            });
    }

    private static void BackwardWeightCuda(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> dy, DeviceBuffer<float> dw)
    {
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Input, x, g.Padding, out DeviceBuffer<float>? copy);
        int quads = (g.C + 3) / 4, columnQuads = g.R * g.S * quads;
        TensorCoreTile? tensorCores = TensorCoreConvolution.Takes(device, g.Output, g.C)
            ? TensorCoreConvolution.ChooseWeights(device.Precision, g.K, 4 * columnQuads)
            : null;
        var (kernel, tileRows) = WeightGradient.Choose(g.K);
        var (tileColumns, unit) = (WeightGradient.TileColumns, RegisterTile.Depth);
        if (tensorCores is not null)
            (tileRows, tileColumns, unit) = (tensorCores.Rows, tensorCores.Columns, TensorCoreConvolution.PixelUnit);
        int rowTiles = (g.K + tileRows - 1) / tileRows, columnTiles = (4 * columnQuads + tileColumns - 1) / tileColumns;
        int pitch = columnTiles * tileColumns, part = checked(rowTiles * tileRows * pitch);
        PixelNumbers numbers = new(g.Output.N, g.Output.H, g.Output.W);
        int parts = WeightGradient.Parts(rowTiles * columnTiles, part, numbers.Count);
        DeviceBuffer<float> partial = device.Pool.Rent(checked(parts * part), 0);
        WeightGradient.WeightGradientArguments arguments = new()
        {
            X = memory,
            Dy = CudaDevice.View(dy),
            Partial = CudaDevice.View(partial),
            Pixels = numbers,
            Input = pixels.Every(g.Stride, -g.Padding, -g.Padding),
            Gradient = PixelGrid.Of(g.Output),
            PixelsPerPart = (numbers.Count / parts / unit + 1) * unit,
            RowQuads = g.Output.Block / 4,
            ColumnQuads = columnQuads,
            TapRowStep = pixels.Row,
            TapColumnStep = pixels.Pixel,
            ByQuads = new(quads),
            ByTapColumns = new(g.S),
        };
        if (tensorCores is null)
            device.Launch(kernel, (new Index3D(columnTiles, rowTiles, parts), new Index3D(WeightGradient.Threads, 1, 1)), arguments);
        else
            TensorCoreConvolution.AddPixels(device, tensorCores, (columnTiles, rowTiles, parts), arguments);
        device.Launch(WeightGradient.SumParts,
            (new Index3D(CudaDevice.Groups(4 * columnQuads), g.K, 1), new Index3D(CudaDevice.GroupSize, 1, 1)),
            new WeightGradient.SumPartsArguments
            {
                Partial = CudaDevice.View(partial),
                Dw = CudaDevice.View(dw),
                Part = part,
                Pitch = pitch,
                Columns = 4 * columnQuads,
                Parts = parts,
                Channels = g.C,
                Taps = g.R * g.S,
                ByTap = new(4 * quads),
            });
        device.Pool.Return(partial);
        Return(device, copy);
    }

    private static void Return(CudaDevice device, DeviceBuffer<float>? copy)
    {
        if (copy is not null)
            device.Pool.Return(copy);
    }
}
