using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// 3×3 convolution of stride 1 by Winograd's F(4×4, 3×3): input tiles are transformed to 36 frequencies, each frequency is a matrix product over
/// the channels, and its results are transformed back. Per thread, a block of tiles goes through all three stages while it is in the nearest
/// caches ("fused"); with many channels, where the weights of one block would already fill them, all tiles go through a stage at a time, split
/// over the threads by frequency ("staged"). Both give the same bits.
/// </summary>
internal sealed unsafe class WinogradConvolution<F> : Conv2dCpu where F : struct, ISimd<F>
{
    private const int Frequencies = 36, WidestTile = 2, TilesPerStagedItem = 16;

    /// <summary>Outputs larger than this are written past the caches.</summary>
    private const long StreamedBytes = 16 << 20;

    /// <summary>From so many channels (the larger of the two counts) the stages run one after another.</summary>
    private const int StagedForwardChannels = 512, StagedWeightChannels = 256;

    private static readonly int Width = F.Width;

    /// <summary>
    /// The memory of a run of tiles: V[frequency][channel block][tile][width] for the input, M likewise for the output, then scratch for the
    /// transforms. A frequency's stride is a vector more than its contents, so that the 36 of a tile do not fall into the same cache sets.
    /// </summary>
    private readonly record struct Block(int Tiles, int InputBlocks, int OutputBlocks)
    {
        public int InputFrequency => (InputBlocks * Tiles + 1) * Width;
        public int OutputFrequency => (OutputBlocks * Tiles + 1) * Width;
        public int OutputsAt => Frequencies * InputFrequency;
        public int ScratchAt => OutputsAt + Frequencies * OutputFrequency;
        public int Length => ScratchAt + WinogradTiles<F>.ScratchLength;
    }

    public override void Forward(CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* y) =>
        Convolve(device, g, x, weight.Derived("winograd forward", () => TransformWeight(device, g, weight, flipped: false)), epilogue, y);

    /// <summary>The convolution of dy with the weights turned around and the two channel axes exchanged.</summary>
    public override void BackwardInput(CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx)
    {
        Conv2dGeometry adjoint = new(g.Output, g.Input, 3, 3, 1, 2 - g.Padding);
        Convolve(device, adjoint, dy, weight.Derived("winograd backward input", () => TransformWeight(device, adjoint, weight, flipped: true)), epilogue, dx);
    }

    private static void Convolve(CpuDevice device, Conv2dGeometry g, float* x, CpuBuffer<float> u, Conv2dEpilogue epilogue, float* y)
    {
        WinogradTiles<F> tiles = new(g);
        WinogradOutput output = new(epilogue, y, g.Output.Length * 4L >= StreamedBytes);

        Block block = new(TilesPerBlock(g, tiles.Count, StagedForwardChannels), g.Input.Blocks, g.Output.Blocks);
        if (block.Tiles == tiles.Count)
        {
            DeviceBuffer<float> memory = device.Pool.Rent(block.Length, 0);
            float* v = CpuDevice.Pointer(memory), m = v + block.OutputsAt;
            ForStagedItems(device, tiles, (first, last, scratch) => tiles.Input(x, v, block.InputFrequency, block.Tiles, 0, first, last, scratch));
            device.For(Frequencies, (frequency, _) => Products(block, u.Pointer, v, m, block.Tiles, frequency));
            ForStagedItems(device, tiles, (first, last, scratch) =>
                tiles.Output(m, block.OutputFrequency, block.Tiles, 0, first, last, y, output, scratch));
            device.Pool.Return(memory);
            return;
        }
        device.For((tiles.Count + block.Tiles - 1) / block.Tiles, (item, worker) =>
        {
            float* v = device.Scratch(worker, block.Length), m = v + block.OutputsAt, scratch = v + block.ScratchAt;
            int first = item * block.Tiles, last = Math.Min(tiles.Count, first + block.Tiles);
            tiles.Input(x, v, block.InputFrequency, block.Tiles, first, first, last, scratch);
            for (int frequency = 0; frequency < Frequencies; frequency++)
                Products(block, u.Pointer, v, m, last - first, frequency);
            tiles.Output(m, block.OutputFrequency, block.Tiles, first, first, last, y, output, scratch);
        });
    }

    /// <summary>M[frequency] = V[frequency] · U[frequency]: rows are tiles, the sum runs over the input channels.</summary>
    private static void Products(Block block, float* u, float* v, float* m, int tiles, int frequency)
    {
        nint* offsets = stackalloc nint[block.InputBlocks];
        for (int i = 0; i < block.InputBlocks; i++)
            offsets[i] = (nint)i * block.Tiles * Width;
        int inputs = block.InputBlocks * Width;
        foreach (var (start, vectors) in TilePlan<F>.Groups(block.OutputBlocks, WidestTile))
            MicroKernels<F, BlockRows<F>>.Run(TilePlan<F>.Rows(tiles, vectors), vectors, Width, v + (nint)frequency * block.InputFrequency, offsets, block.InputBlocks, Width, 1,
                u + ((nint)frequency * block.OutputBlocks + start) * inputs * Width, null, vectors * Width, Width,
                m + (nint)frequency * block.OutputFrequency + (nint)start * block.Tiles * Width, Width, block.Tiles * Width, false);
    }

    /// <summary>dU[frequency] = Σ over tiles of V ⊗ (A dy Aᵀ), then dw = Gᵀ dU G.</summary>
    public override void BackwardWeight(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw)
    {
        WinogradTiles<F> tiles = new(g);
        var groups = TilePlan<F>.Groups(g.Output.Blocks, WidestTile);
        Block block = new(TilesPerBlock(g, tiles.Count, StagedWeightChannels), g.Input.Blocks, g.Output.Blocks);
        int sumLength = Frequencies * g.Input.Blocks * Width * g.Output.Blocks * Width;

        if (block.Tiles == tiles.Count)
        {
            DeviceBuffer<float> memory = device.Pool.Rent(block.Length, 0), sum = device.Pool.Rent(sumLength, 0);
            float* v = CpuDevice.Pointer(memory), m = v + block.OutputsAt, du = CpuDevice.Pointer(sum);
            ForStagedItems(device, tiles, (first, last, scratch) =>
            {
                tiles.Input(x, v, block.InputFrequency, block.Tiles, 0, first, last, scratch);
                tiles.OutputAdjoint(dy, groups, m, block.OutputFrequency, block.Tiles, 0, first, last, scratch);
            });
            device.For(Frequencies, (frequency, _) => OuterProducts(block, groups, v, m, du, block.Tiles, frequency, false));
            FinishWeight(device, g, du, 1, dw);
            device.Pool.Return(memory);
            device.Pool.Return(sum);
            return;
        }
        // A fixed number of partial sums, each over its own run of tiles: the same sums on any number of threads.
        int blocks = (tiles.Count + block.Tiles - 1) / block.Tiles, parts = Math.Min(blocks, sumLength <= 200_000 ? 8 : 4);
        DeviceBuffer<float> partial = device.Pool.Rent(parts * sumLength, 0);
        float* sums = CpuDevice.Pointer(partial);
        device.For(parts, (part, worker) =>
        {
            float* v = device.Scratch(worker, block.Length), m = v + block.OutputsAt, scratch = v + block.ScratchAt;
            int begin = (int)((long)blocks * part / parts), end = (int)((long)blocks * (part + 1) / parts);
            for (int i = begin; i < end; i++)
            {
                int first = i * block.Tiles, last = Math.Min(tiles.Count, first + block.Tiles);
                tiles.Input(x, v, block.InputFrequency, block.Tiles, first, first, last, scratch);
                tiles.OutputAdjoint(dy, groups, m, block.OutputFrequency, block.Tiles, first, first, last, scratch);
                for (int frequency = 0; frequency < Frequencies; frequency++)
                    OuterProducts(block, groups, v, m, sums + (nint)part * sumLength, last - first, frequency, i > begin);
            }
        });
        FinishWeight(device, g, sums, parts, dw);
        device.Pool.Return(partial);
    }

    /// <summary>dU[frequency][input channel][output channel] (+)= Σ over tiles: rows are the lanes of an input block, the sum runs over the tiles.</summary>
    private static void OuterProducts(Block block, (int Start, int Vectors)[] groups, float* v, float* m, float* du, int tiles, int frequency, bool accumulate)
    {
        nint zero = 0;
        int outputs = block.OutputBlocks * Width;
        foreach (var (start, vectors) in groups)
        {
            byte[] plan = TilePlan<F>.Rows(Width, vectors);
            for (int i = 0; i < block.InputBlocks; i++)
                MicroKernels<F, UnitRows>.Run(plan, vectors, 1, v + (nint)frequency * block.InputFrequency + (nint)i * block.Tiles * Width, &zero, 1, tiles, Width,
                    m + (nint)frequency * block.OutputFrequency + (nint)start * block.Tiles * Width, null, vectors * Width, Width,
                    du + (((nint)frequency * block.InputBlocks + i) * Width * outputs) + start * Width, outputs, Width, accumulate);
        }
    }

    private static void FinishWeight(CpuDevice device, Conv2dGeometry g, float* sums, int parts, float* dw)
    {
        int outputs = g.Output.Blocks * Width, frequency = g.Input.Blocks * Width * outputs;
        device.For(g.C, (c, worker) =>
        {
            float* u = device.Scratch(worker, (2 * Frequencies + 9) * Width), scratch = u + Frequencies * Width, taps = scratch + Frequencies * Width;
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
                WinogradTransforms<F>.WeightAdjoint(u, Width, taps, scratch);
                for (int lane = 0; lane < Math.Min(Width, g.K - block * Width); lane++)
                    for (int tap = 0; tap < 9; tap++)
                        dw[((nint)(block * Width + lane) * g.C + c) * 9 + tap] = taps[tap * Width + lane];
            }
        });
    }

    /// <summary>U[frequency][group of output blocks][input channel][vectors × width] of G w Gᵀ; <paramref name="flipped"/> reads w[input][output]
    /// turned by half a turn. Channels that only fill up a block are zero.</summary>
    private static CpuBuffer<float> TransformWeight(CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> weight, bool flipped)
    {
        int inputs = g.Input.Blocks * Width;
        CpuBuffer<float> transformed = new(device, Frequencies * g.Output.Blocks * Width * inputs);
        float* u = transformed.Pointer, w = CpuDevice.Pointer(weight);
        nint frequency = (nint)g.Output.Blocks * Width * inputs;
        var groups = TilePlan<F>.Groups(g.Output.Blocks, WidestTile);
        device.For(g.C, (c, worker) =>
        {
            float* taps = device.Scratch(worker, (9 + Frequencies) * Width), scratch = taps + 9 * Width;
            foreach (var (start, vectors) in groups)
                for (int i = 0; i < vectors; i++)
                {
                    for (int lane = 0; lane < Width; lane++)
                    {
                        int k = (start + i) * Width + lane;
                        for (int tap = 0; tap < 9; tap++)
                            taps[tap * Width + lane] = k >= g.K ? 0 : flipped ? w[((nint)c * g.K + k) * 9 + 8 - tap] : w[((nint)k * g.C + c) * 9 + tap];
                    }
                    WinogradTransforms<F>.Weight(taps, u + ((nint)start * inputs + (nint)c * vectors + i) * Width, frequency, scratch);
                }
        });
        return transformed;
    }

    /// <summary>How many tiles go through the stages together: few enough for the nearest caches, or all of them. Independent of the threads.</summary>
    private static int TilesPerBlock(Conv2dGeometry g, int all, int stagedChannels)
    {
        int channels = Math.Max(g.C, g.K);
        return channels >= stagedChannels ? all : Math.Min(all, channels <= 32 || channels > 128 ? 64 : 32);
    }

    private static void ForStagedItems(CpuDevice device, WinogradTiles<F> tiles, RunAction action) =>
        device.For((tiles.Count + TilesPerStagedItem - 1) / TilesPerStagedItem, (item, worker) =>
            action(item * TilesPerStagedItem, Math.Min(tiles.Count, (item + 1) * TilesPerStagedItem), device.Scratch(worker, WinogradTiles<F>.ScratchLength)));

    private delegate void RunAction(int first, int last, float* scratch);
}
