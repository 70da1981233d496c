using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Convolutions with one input channel per group, and K/C output channels. A group of threads owns a row of one image; neighbouring threads
/// own neighbouring channels, then pixels.
/// </summary>
internal static class DepthwiseCuda
{
    private const int Lanes = 32, MostPartialSums = 4 << 20, WantedGroups = 1024;

    private static Index3D Threads => new(Lanes, CudaDevice.GroupSize / Lanes, 1);

    public static void Forward(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> y) =>
        device.Launch(SumTaps, (new Index3D(g.Output.N, g.Output.H, 1), Threads), Arguments(g, x, weight, epilogue, y));

    public static void BackwardInput(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> dx) =>
        device.Launch(GatherTaps, (new Index3D(g.Input.N, g.Input.H, 1), Threads), Arguments(g, dy, weight, epilogue, dx));

    /// <summary>Partial sums over runs of images, then their sum in order.</summary>
    public static void BackwardWeight(
        CudaDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> dy, DeviceBuffer<float> dw)
    {
        int taps = g.R * g.S, channelGroups = (g.K + Lanes - 1) / Lanes;
        int parts = Math.Clamp(WantedGroups / (taps * channelGroups), 1, Math.Min(g.Input.N, Math.Max(1, MostPartialSums / dw.Length)));
        DeviceBuffer<float> partial = device.Pool.Rent(parts * dw.Length, 0);
        WeightArguments arguments = new()
        {
            X = CudaDevice.View(x),
            Dy = CudaDevice.View(dy),
            Partial = CudaDevice.View(partial),
            Dw = CudaDevice.View(dw),
            Window = new(g),
            Parts = parts,
            Images = g.Input.N,
        };
        device.Launch(AddPixels, (new Index3D(channelGroups, taps, parts), Threads), arguments);
        device.Launch(AddParts, (CudaDevice.Groups(dw.Length), CudaDevice.GroupSize), arguments);
        device.Pool.Return(partial);
    }

    private static DepthwiseArguments Arguments(
        Conv2dGeometry g, DeviceBuffer<float> from, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, DeviceBuffer<float> to) => new()
        {
            From = CudaDevice.View(from),
            Weight = CudaDevice.View(weight),
            Bias = CudaDevice.View(epilogue.Bias),
            Residual = CudaDevice.View(epilogue.Residual),
            Gate = CudaDevice.View(epilogue.Gate),
            To = CudaDevice.View(to),
            Window = new(g),
            Relu = epilogue.Relu ? 1 : 0,
        };

    /// <summary>The numbers of a <see cref="Conv2dGeometry"/>. A grid's unit is quads.</summary>
    internal readonly struct Shape(Conv2dGeometry g)
    {
        public readonly PixelGrid Input = PixelGrid.Of(g.Input), Output = PixelGrid.Of(g.Output);
        public readonly int InputHeight = g.Input.H, InputWidth = g.Input.W, OutputHeight = g.Output.H, OutputWidth = g.Output.W;
        public readonly int InputBlock = g.Input.Block, OutputBlock = g.Output.Block, InputChannels = g.C, OutputChannels = g.K;
        public readonly int R = g.R, S = g.S, Top = g.Window.Top, Left = g.Window.Left;
        public readonly int DilationY = g.Window.DilationY, DilationX = g.Window.DilationX;
        public readonly InvariantDivision ByStrideY = new(g.Window.StrideY), ByStrideX = new(g.Window.StrideX);
        public readonly InvariantDivision ByMultiplier = new(g.GroupOutputs);

        public int InputRow(int y, int r) => y * ByStrideY.Divisor + r * DilationY - Top;

        public int InputColumn(int x, int s) => x * ByStrideX.Divisor + s * DilationX - Left;
    }

    internal struct DepthwiseArguments
    {
        public ArrayView<float> From, Weight, Bias, Residual, Gate, To;
        public Shape Window;
        public int Relu;
    }

    /// <summary>y = epilogue(Σ over taps of x·w).</summary>
    internal static void SumTaps(DepthwiseArguments p)
    {
        for (int x = Group.IdxY; x < p.Window.OutputWidth; x += Group.DimY)
            for (int k = Group.IdxX; k < p.Window.OutputBlock; k += Group.DimX)
            {
                float sum = 0;
                if (k < p.Window.OutputChannels)
                {
                    int c = p.Window.ByMultiplier.Quotient(k), w = k * p.Window.R * p.Window.S;
                    for (int r = 0; r < p.Window.R; r++)
                    {
                        int row = p.Window.InputRow(Grid.IdxY, r);
                        for (int s = 0; s < p.Window.S; s++, w++)
                        {
                            int column = p.Window.InputColumn(x, s);
                            if (row >= 0 && row < p.Window.InputHeight && column >= 0 && column < p.Window.InputWidth)
                                sum += p.From[4 * p.Window.Input.At(Grid.IdxX, row, column) + c] * p.Weight[w];
                        }
                    }
                }
                Finish(p, sum, k, p.Window.OutputChannels, 4 * p.Window.Output.At(Grid.IdxX, Grid.IdxY, x) + k);
            }
    }

    /// <summary>dx = epilogue(Σ over output channels of c and taps of dy·w): a thread gathers what reaches its pixel.</summary>
    internal static void GatherTaps(DepthwiseArguments p)
    {
        for (int x = Group.IdxY; x < p.Window.InputWidth; x += Group.DimY)
            for (int c = Group.IdxX; c < p.Window.InputBlock; c += Group.DimX)
            {
                float sum = 0;
                if (c < p.Window.InputChannels)
                {
                    int k = c * p.Window.ByMultiplier.Divisor, w = k * p.Window.R * p.Window.S;
                    for (int end = k + p.Window.ByMultiplier.Divisor; k < end; k++)
                        for (int r = 0; r < p.Window.R; r++)
                        {
                            int down = Grid.IdxY + p.Window.Top - r * p.Window.DilationY, right = x + p.Window.Left;
                            for (int s = 0; s < p.Window.S; s++, w++, right -= p.Window.DilationX)
                                if (Reaches(p.Window.ByStrideY, down, p.Window.OutputHeight, out int oy)
                                    && Reaches(p.Window.ByStrideX, right, p.Window.OutputWidth, out int ox))
                                    sum += p.From[4 * p.Window.Output.At(Grid.IdxX, oy, ox) + k] * p.Weight[w];
                        }
                }
                Finish(p, sum, c, p.Window.InputChannels, 4 * p.Window.Input.At(Grid.IdxX, Grid.IdxY, x) + c);
            }
    }

    /// <summary>Whether an output pixel is <paramref name="distance"/> input pixels from the first, and its index.</summary>
    private static bool Reaches(InvariantDivision byStride, int distance, int outputs, out int output)
    {
        output = distance < 0 ? 0 : byStride.Quotient(distance);
        return distance >= 0 && output * byStride.Divisor == distance && output < outputs;
    }

    private static void Finish(DepthwiseArguments p, float sum, int channel, int channels, int at)
    {
        F1 value = new(sum);
        if (channel < channels)
        {
            if (p.Bias.Length > 0)
                value += new F1(p.Bias[channel]);
            if (p.Residual.Length > 0)
                value += new F1(p.Residual[at]);
            if (p.Relu != 0)
                value = F1.Max(F1.Zero, value);
            if (p.Gate.Length > 0)
                value = F1.WherePositive(new(p.Gate[at]), value);
        }
        p.To[at] = value.Value;
    }

    internal struct WeightArguments
    {
        /// <summary>Partial is [part][K][taps].</summary>
        public ArrayView<float> X, Dy, Partial, Dw;

        public Shape Window;
        public int Parts, Images;
    }

    /// <summary>
    /// The sum of one tap over a part of the images, for a group's channels: eight threads per channel, each with every eighth row, whose
    /// sums are added in order.
    /// </summary>
    internal static void AddPixels(WeightArguments p)
    {
        var sums = SharedMemory.Allocate<float>(CudaDevice.GroupSize);
        int k = Grid.IdxX * Lanes + Group.IdxX, t = Group.IdxY * Lanes + Group.IdxX, tap = Grid.IdxY;
        int c = p.Window.ByMultiplier.Quotient(k), r = 0, s = tap;
        for (; s >= p.Window.S; s -= p.Window.S)
            r++;
        CompensatedSum sum = default;
        if (k < p.Window.OutputChannels)
            for (int n = Grid.IdxZ; n < p.Images; n += p.Parts)
                for (int y = Group.IdxY; y < p.Window.OutputHeight; y += Group.DimY)
                {
                    int row = p.Window.InputRow(y, r);
                    for (int x = 0; x < p.Window.OutputWidth; x++)
                    {
                        int column = p.Window.InputColumn(x, s);
                        if (row >= 0 && row < p.Window.InputHeight && column >= 0 && column < p.Window.InputWidth)
                            sum = sum.Plus(p.X[4 * p.Window.Input.At(n, row, column) + c] * p.Dy[4 * p.Window.Output.At(n, y, x) + k]);
                    }
                }
        sums[t] = sum.Value;
        Group.Barrier();
        if (Group.IdxY != 0 || k >= p.Window.OutputChannels)
            return;
        float total = sum.Value;
        for (int part = 1; part < Group.DimY; part++)
            total += sums[part * Lanes + Group.IdxX];
        p.Partial[(Grid.IdxZ * p.Window.OutputChannels + k) * Grid.DimY + tap] = total;
    }

    /// <summary>dw = Σ over parts: a thread owns one weight.</summary>
    internal static void AddParts(WeightArguments p)
    {
        int i = Grid.GlobalIndex.X;
        if (i >= p.Dw.IntLength)
            return;
        float sum = 0;
        for (int part = 0; part < p.Parts; part++)
            sum += p.Partial[part * p.Dw.IntLength + i];
        p.Dw[i] = sum;
    }
}
