using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Winograd's 3×3 convolution: windows of the input are transformed to 36 frequencies, each frequency is a matrix product over the
/// channels, and the results are transformed back. Per thread, a block of tiles goes through all three stages while it is in the L1 and L2
/// caches ("fused"). With many channels, when the weights of one block alone would fill the caches, all tiles go through one stage at a
/// time, split over the threads by frequency ("staged"). Both give the same bits.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
/// <typeparam name="T">The transforms of the convolution.</typeparam>
/// <typeparam name="TAdjoint">The transforms of its input gradient.</typeparam>
internal sealed unsafe class WinogradConvolution<F, T, TAdjoint> : Conv2dCpu
    where F : struct, ISimd<F>
    where T : struct, IWinogradAlgorithm<F>, IWinogradWeights<F>
    where TAdjoint : struct, IWinogradAlgorithm<F>
{
    private const int Frequencies = 36, WidestTile = 2;

    /// <summary>Outputs larger than this are written with non-temporal stores.</summary>
    private const long StreamedBytes = 4 << 20;

    /// <summary>From this many channels (the larger of input and output) the stages of weight gradients run one after another; with stride
    /// 2 from twice as many.</summary>
    private const int StagedWeightChannels = 256;

    /// <summary>The most threads that share a partial sum of a weight gradient.</summary>
    private const int MostSharing = 4;

    private static readonly int Width = F.Width;

    /// <summary>
    /// The memory of a run of tiles: V[frequency][channel block][tile][row][width] for the input, M likewise for the output, then scratch
    /// for the transforms (see <see cref="TileMemory"/>).
    /// </summary>
    private readonly record struct Block(int Tiles, int InputBlocks, int OutputBlocks)
    {
        public int OutputsAt => SideLength(InputBlocks);
        public int ScratchAt => OutputsAt + SideLength(OutputBlocks);
        public int Length => ScratchAt + Math.Max(WinogradTiles<F, T>.ScratchLength, WinogradTiles<F, TAdjoint>.ScratchLength);

        /// <summary>
        /// The address of a frequency of V; rows and frequencies are those of <typeparamref name="T"/> in both directions.
        /// </summary>
        public nint InputAt(int frequency) => Frequency(frequency, InputBlocks);
        public nint OutputAt(int frequency) => Frequency(frequency, OutputBlocks);

        private int SideLength(int blocks) => checked((int)Frequency(Frequencies, blocks));
        private nint Frequency(int frequency, int blocks) => ((nint)T.RowsBefore(frequency) * blocks * Tiles + frequency) * Width;
    }

    public override double Flops(Conv2dGeometry g) =>
        2.0 * new WinogradTiles<F, T>(g.Input, g.Output, g.Padding).Count * T.RowsBefore(Frequencies) * g.C * g.K;

    public override void Forward(
        CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums, float* y) =>
        Convolve(device, new WinogradTiles<F, T>(g.Input, g.Output, g.Padding), g.Input, g.Output, x,
            weight.Derived<CpuBuffer<float>>($"winograd forward {g.Stride}",
                _ => TransformWeight(device, g.Input, g.Output, weight, flipped: false)), epilogue, sums, y);

    /// <summary>The convolution of dy with flipped weights and swapped channel axes.</summary>
    public override void BackwardInput(
        CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx) =>
        Convolve(device, new WinogradTiles<F, TAdjoint>(g.Output, g.Input, (2 - g.Padding) / g.Stride), g.Output, g.Input, dy,
            weight.Derived<CpuBuffer<float>>($"winograd backward input {g.Stride}",
                _ => TransformWeight(device, g.Output, g.Input, weight, flipped: true)), epilogue, null, dx);

    private static void Convolve<TTransform>(
        CpuDevice device, WinogradTiles<F, TTransform> tiles, ActivationLayout input, ActivationLayout output, float* x, CpuBuffer<float> u,
        Conv2dEpilogue epilogue, ChannelSums? sums, float* y)
        where TTransform : struct, IWinogradAlgorithm<F>
    {
        WinogradSchedule<F> plan = new(tiles.Count, T.RowsBefore(Frequencies), input.C, output.C, device.LoopThreads);
        Block block = new(plan.BlockTiles, input.Blocks, output.Blocks);
        if (epilogue.IsNone)
            sums?.Begin(device, plan.SumParts, output.Blocks * Width);
        WinogradOutput finish = new(epilogue, y, output.Length * 4L >= StreamedBytes, sums);
        if (plan.IsStaged)
        {
            DeviceBuffer<float> memory = device.Pool.Rent(block.Length, 0);
            float* v = CpuDevice.Pointer(memory), m = v + block.OutputsAt;
            ForRuns(device, tiles.Count, plan.StagedTiles,
                (first, last, scratch) => tiles.Input(x, v, block.Tiles, 0, first, last, scratch));
            int pieces = plan.ProductPieces;
            device.For(T.RowsBefore(Frequencies) * pieces, (item, _) =>
            {
                var (row, piece) = Math.DivRem(item, pieces);
                int frequency = 0;
                while (T.RowsBefore(frequency + 1) <= row)
                    frequency++;
                int first = (int)((long)block.Tiles * piece / pieces), last = (int)((long)block.Tiles * (piece + 1) / pieces);
                Products(block, u.Pointer, v, m, frequency, (row - T.RowsBefore(frequency)) * block.Tiles + first, last - first);
            });
            ForRuns(device, tiles.Count, plan.StagedTiles, (first, last, scratch) => Output(0, first, last, m, scratch));
            device.Pool.Return(memory);
            return;
        }
        ForRuns(device, tiles.Count, block.Tiles, block.Length, (first, last, v) =>
        {
            float* m = v + block.OutputsAt, scratch = v + block.ScratchAt;
            tiles.Input(x, v, block.Tiles, first, first, last, scratch);
            for (int frequency = 0; frequency < Frequencies; frequency++)
                Products(block, u.Pointer, v, m, frequency, 0, T.Rows(frequency) * (last - first));
            Output(first, first, last, m, scratch);
        });

        // The parts of the sums are runs of tiles within a block, whatever the block's size.
        void Output(int origin, int first, int last, float* m, float* scratch)
        {
            int step = finish.Sums is null ? last - first : plan.SumTiles;
            for (int from = first; from < last; from += step)
                tiles.Output(m, block.Tiles, origin, from, Math.Min(last, from + step), y, finish, from / plan.SumTiles, scratch);
        }
    }

    /// <summary>
    /// Some rows of M[frequency] = V[frequency] · U[frequency]; rows belong to tiles, and the sum runs over the input channels.
    /// </summary>
    private static void Products(Block block, float* u, float* v, float* m, int frequency, int firstRow, int rows)
    {
        int inputs = block.InputBlocks * Width;
        nint blockStep = (nint)T.Rows(frequency) * block.Tiles * Width;
        nint* offsets = stackalloc nint[block.InputBlocks];
        for (int i = 0; i < block.InputBlocks; i++)
            offsets[i] = i * blockStep;
        v += block.InputAt(frequency) + firstRow * Width;
        m += block.OutputAt(frequency) + firstRow * Width;
        if (block.InputBlocks == 1 && block.OutputBlocks == 1)
        {
            OneBlockProduct<F>.Run(rows, v, u + (nint)frequency * Width * Width, m);
            return;
        }
        foreach (var (start, vectors) in TilePlan<F>.Groups(block.OutputBlocks, WidestTile))
            MicroKernels<F, BlockRows<F>>.Run(TilePlan<F>.Rows(rows, vectors), vectors, Width, v, offsets, block.InputBlocks, Width, 1,
                u + ((nint)frequency * block.OutputBlocks + start) * inputs * Width, null, vectors * Width, Width, m + start * blockStep,
                Width, blockStep, false);
    }

    /// <summary>dU[frequency] = Σ over tiles of V ⊗ (A dy Aᵀ), then dw = Gᵀ dU G.</summary>
    public override void BackwardWeight(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw)
    {
        WinogradTiles<F, T> tiles = new(g.Input, g.Output, g.Padding);
        var groups = TilePlan<F>.Groups(g.Output.Blocks, WidestTile);
        bool isStaged = Math.Max(g.C, g.K) >= StagedWeightChannels * (T.RowsBefore(Frequencies) / Frequencies);
        Block block = new(isStaged ? tiles.Count : Math.Min(tiles.Count, WinogradSchedule<F>.MostTiles), g.Input.Blocks, g.Output.Blocks);
        int sumLength = Frequencies * g.Input.Blocks * Width * g.Output.Blocks * Width;

        if (isStaged)
        {
            DeviceBuffer<float> memory = device.Pool.Rent(block.Length, 0), sum = device.Pool.Rent(sumLength, 0);
            float* v = CpuDevice.Pointer(memory), m = v + block.OutputsAt, du = CpuDevice.Pointer(sum);
            ForRuns(device, tiles.Count, WinogradSchedule<F>.StagedRun, (first, last, scratch) =>
            {
                tiles.Input(x, v, block.Tiles, 0, first, last, scratch);
                tiles.OutputAdjoint<T>(dy, groups, m, block.Tiles, 0, first, last, scratch);
            });
            device.For(Frequencies * block.InputBlocks, (item, _) =>
                OuterProducts(block, groups, v, m, du, block.Tiles, item / block.InputBlocks, item % block.InputBlocks, false));
            FinishWeight(device, g, du, 1, dw);
            device.Pool.Return(memory);
            device.Pool.Return(sum);
            return;
        }
        // A fixed number of partial sums, each over its own run of tiles: the same bits for any number of threads. Where there are more
        // threads, several share a part by frequencies, and each makes the transforms.
        int blocks = (tiles.Count + block.Tiles - 1) / block.Tiles, parts = Math.Min(blocks, sumLength <= 200_000 ? 8 : 4);
        int sharing = Math.Clamp(device.LoopThreads / parts, 1, MostSharing);
        DeviceBuffer<float> partial = device.Pool.Rent(parts * sumLength, 0);
        float* sums = CpuDevice.Pointer(partial);
        device.For(parts * sharing, (item, worker) =>
        {
            var (part, share) = Math.DivRem(item, sharing);
            float* v = device.Scratch(worker, block.Length), m = v + block.OutputsAt, scratch = v + block.ScratchAt;
            int begin = (int)((long)blocks * part / parts), end = (int)((long)blocks * (part + 1) / parts);
            for (int i = begin; i < end; i++)
            {
                int first = i * block.Tiles, last = Math.Min(tiles.Count, first + block.Tiles);
                tiles.Input(x, v, block.Tiles, first, first, last, scratch);
                tiles.OutputAdjoint<T>(dy, groups, m, block.Tiles, first, first, last, scratch);
                for (int frequency = share; frequency < Frequencies; frequency += sharing)
                    for (int inputBlock = 0; inputBlock < block.InputBlocks; inputBlock++)
                        OuterProducts(block, groups, v, m, sums + (nint)part * sumLength, last - first, frequency, inputBlock, i > begin);
            }
        });
        FinishWeight(device, g, sums, parts, dw);
        device.Pool.Return(partial);
    }

    /// <summary>
    /// dU[frequency][input channel][output channel] (+)= Σ over rows of tiles, for one input block, whose lanes are the rows of the
    /// product.
    /// </summary>
    private static void OuterProducts(
        Block block, (int Start, int Vectors)[] groups, float* v, float* m, float* du, int tiles, int frequency, int inputBlock,
        bool accumulate)
    {
        nint zero = 0, rows = T.Rows(frequency);
        int outputs = block.OutputBlocks * Width;
        v += block.InputAt(frequency) + rows * inputBlock * block.Tiles * Width;
        m += block.OutputAt(frequency);
        du += ((nint)frequency * block.InputBlocks + inputBlock) * Width * outputs;
        foreach (var (start, vectors) in groups)
            MicroKernels<F, UnitRows>.Run(TilePlan<F>.Rows(Width, vectors), vectors, 1, v, &zero, 1, rows * tiles, Width,
                m + rows * start * block.Tiles * Width, null, vectors * Width, Width, du + start * Width, outputs, Width, accumulate);
    }

    private static void FinishWeight(CpuDevice device, Conv2dGeometry g, float* sums, int parts, float* dw)
    {
        int outputs = g.Output.Blocks * Width, frequency = g.Input.Blocks * Width * outputs;
        device.For(g.C, (c, worker) =>
        {
            float* u = device.Scratch(worker, (2 * Frequencies + 9) * Width), scratch = u + Frequencies * Width;
            float* taps = scratch + Frequencies * Width;
            for (int block = 0; block < g.Output.Blocks; block++)
            {
                for (int f = 0; f < Frequencies; f++)
                {
                    float* p = sums + (nint)f * frequency + (nint)c * outputs + block * Width;
                    F sum = F.Load(p);
                    for (int part = 1; part < parts; part++)
                        sum += F.Load(p + (nint)part * Frequencies * frequency);
                    sum.Store(u + f * Width);
                }
                WeightTransforms<F, T>.Adjoint(u, Width, taps, scratch);
                for (int lane = 0; lane < Math.Min(Width, g.K - block * Width); lane++)
                    for (int tap = 0; tap < 9; tap++)
                        dw[((nint)(block * Width + lane) * g.C + c) * 9 + tap] = taps[tap * Width + lane];
            }
        });
    }

    /// <summary>
    /// U[frequency][group of output blocks][input channel][vectors × width] of G w Gᵀ; <paramref name="flipped"/> reads w[input][output]
    /// rotated by 180°. Padding channels are zero.
    /// </summary>
    private static CpuBuffer<float> TransformWeight(
        CpuDevice device, ActivationLayout input, ActivationLayout output, DeviceBuffer<float> weight, bool flipped)
    {
        int inputs = input.Blocks * Width;
        CpuBuffer<float> transformed = new(device, Frequencies * output.Blocks * Width * inputs);
        float* u = transformed.Pointer, w = CpuDevice.Pointer(weight);
        nint frequency = (nint)output.Blocks * Width * inputs;
        var groups = TilePlan<F>.Groups(output.Blocks, WidestTile);
        device.For(input.C, (c, worker) =>
        {
            float* taps = device.Scratch(worker, (9 + Frequencies) * Width), scratch = taps + 9 * Width;
            foreach (var (start, vectors) in groups)
                for (int i = 0; i < vectors; i++)
                {
                    for (int lane = 0; lane < Width; lane++)
                    {
                        int k = (start + i) * Width + lane;
                        for (int tap = 0; tap < 9; tap++)
                            taps[tap * Width + lane] = k >= output.C
                                ? 0
                                : flipped
                                ? w[((nint)c * output.C + k) * 9 + 8 - tap]
                                : w[((nint)k * input.C + c) * 9 + tap];
                    }
                    WeightTransforms<F, T>.Forward(taps, u + ((nint)start * inputs + (nint)c * vectors + i) * Width, frequency, scratch);
                }
        });
        return transformed;
    }

    /// <summary>Shares out runs of tiles, with scratch memory for the transforms.</summary>
    private static void ForRuns(CpuDevice device, int tiles, int run, RunAction action) =>
        ForRuns(device, tiles, run, Math.Max(WinogradTiles<F, T>.ScratchLength, WinogradTiles<F, TAdjoint>.ScratchLength), action);

    private static void ForRuns(CpuDevice device, int tiles, int run, int scratch, RunAction action) =>
        device.For((tiles + run - 1) / run,
            (item, worker) => action(item * run, Math.Min(tiles, (item + 1) * run), device.Scratch(worker, scratch)));

    private delegate void RunAction(int first, int last, float* scratch);
}
