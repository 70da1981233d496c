using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

public static partial class Conv2dKernels
{
    /// <summary>The kernels know no upper bounds.</summary>
    private static void ForwardCuda(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> y)
    {
        ForwardUnlimited(device, g, x, weight, epilogue.WithoutLimits, y);
        epilogue.ApplyLimits(y);
    }

    private static void BackwardInputCuda(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> dx)
    {
        BackwardInputUnlimited(device, g, dy, weight, epilogue.WithoutLimits, dx);
        epilogue.ApplyLimits(dx);
    }

    private static void ForwardUnlimited(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> y)
    {
        if (g.IsDepthwise)
        {
            DepthwiseCuda.Forward(device, g, x, weight, epilogue, y);
            return;
        }
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Input, x, g.InputReach, out DeviceBuffer<float>? copy);
        var (w, taps) = (g.Window, g.R * g.S);
        Convolve(device, "forward",
            new(g.K, g.GroupInputs * taps, g.C, taps, g.R, g.S, FirstTap: 0, TapRowStep: g.S, TapColumnStep: 1, g.Groups), weight,
            (memory, pixels.Every(w.StrideY, w.StrideX, -w.Top, -w.Left), (w.DilationY * pixels.Row, w.DilationX * pixels.Pixel)),
            (g.Output, y, PixelGrid.Of(g.Output), new(g.Output.N, g.Output.H, g.Output.W)), epilogue);
        Return(device, copy);
    }

    /// <summary>
    /// The pixels of dx fall into StrideY·StrideX phases. Within a phase all pixels use the same taps of neighbouring pixels of dy, so a
    /// phase is a stride-1 convolution that writes every StrideX-th pixel of every StrideY-th row. The next tap of a phase reads the pixel
    /// of dy before, or with dilation some pixels before.
    /// </summary>
    private static void BackwardInputUnlimited(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> dx)
    {
        if (g.IsDepthwise)
        {
            DepthwiseCuda.BackwardInput(device, g, dy, weight, epilogue, dx);
            return;
        }
        int taps = g.R * g.S;
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Output, dy, g.InputGradientReach, out DeviceBuffer<float>? copy);
        PixelGrid to = PixelGrid.Of(g.Input);
        for (int py = 0; py < vertical.Phases; py++)
        {
            for (int px = 0; px < horizontal.Phases; px++)
            {
                PhaseOfTaps rows = new(vertical, py), columns = new(horizontal, px);
                bool none = rows.Count == 0 || columns.Count == 0;
                Convolve(device, $"backward input {g.Window} {py} {px}",
                    new(g.C, taps, g.K, g.GroupInputs * taps, rows.Count, columns.Count, FirstTap: rows.First * g.S + columns.First,
                        TapRowStep: rows.Step * g.S, TapColumnStep: columns.Step, g.Groups), weight,
                    (memory, pixels.Every(1, none ? 0 : rows.Output, none ? 0 : columns.Output),
                        (-rows.OutputStep * pixels.Row, -columns.OutputStep * pixels.Pixel)),
                    (g.Input, dx, to.Every(vertical.Stride, horizontal.Stride, py, px),
                        new(g.Input.N, vertical.PixelsOfPhase(py), horizontal.PixelsOfPhase(px))), epilogue);
            }
        }
        Return(device, copy);
    }

    /// <summary>The taps of a phase along one axis: the first, their distance, and the pixels of dy that they read, backwards.</summary>
    private readonly struct PhaseOfTaps
    {
        public readonly int Count, First, Step, Output, OutputStep;

        public PhaseOfTaps(ConvolutionAxis axis, int phase)
        {
            int[] taps = axis.TapsOfPhase(phase);
            int common = (int)System.Numerics.BigInteger.GreatestCommonDivisor(axis.Stride, axis.Dilation);
            (Count, Step, OutputStep) = (taps.Length, axis.Stride / common, axis.Dilation / common);
            if (taps.Length > 0)
                (First, Output) = (taps[0], axis.OutputOf(phase, taps[0]));
        }
    }

    /// <summary>Launches one implicit GEMM; the weights are repacked only after a change.</summary>
    private static void Convolve(CudaDevice device, string what, ConvolutionOperands.Packing packing, DeviceBuffer<float> weight,
        (ArrayView<float> Memory, PixelGrid Pixels, (int Row, int Column) TapStep) from,
        (ActivationLayout Layout, DeviceBuffer<float> Memory, PixelGrid Pixels, PixelNumbers Numbers) to, Conv2dEpilogue epilogue)
    {
        if (packing.Groups == 1 && TensorCoreConvolution.Takes(device, to.Layout, packing.Channels))
        {
            TensorCoreConvolution.Convolve(device, what, packing, weight, from, to, epilogue);
            return;
        }
        bool planes = to.Layout.Block == 1;
        int columns = ImplicitGemm.TileColumns(packing.Columns, planes);
        DeviceBuffer<float> packed = weight.Derived<DeviceBuffer<float>>($"cuda {what} {columns} {packing.Groups}",
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
        if (g.IsDepthwise)
        {
            DepthwiseCuda.BackwardWeight(device, g, x, dy, dw);
            return;
        }
        var (memory, pixels) = ConvolutionOperands.WithHalo(device, g.Input, x, g.InputReach, out DeviceBuffer<float>? copy);
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
            Input = pixels.Every(g.Window.StrideY, g.Window.StrideX, -g.Window.Top, -g.Window.Left),
            Gradient = PixelGrid.Of(g.Output),
            PixelsPerPart = (numbers.Count / parts / unit + 1) * unit,
            RowQuads = g.Output.Block / 4,
            ColumnQuads = columnQuads,
            TapRowStep = g.Window.DilationY * pixels.Row,
            TapColumnStep = g.Window.DilationX * pixels.Pixel,
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
                ByGroupInputs = new(g.GroupInputs),
                ByGroupOutputs = new(g.GroupOutputs),
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
