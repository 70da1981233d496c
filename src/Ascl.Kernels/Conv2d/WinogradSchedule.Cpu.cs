using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// How the tiles of a Winograd convolution are shared out: how many go through the three stages together, and whether all of them go
/// through one stage at a time. It depends on the number of threads, the results and the parts of their sums do not.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
internal readonly struct WinogradSchedule<F> where F : struct, ISimd<F>
{
    private const int Frequencies = 36;

    /// <summary>The most tiles that go through the three stages together, of weight gradients too.</summary>
    public const int MostTiles = 64;

    /// <summary>
    /// Tiles of a block below which a core spends too much of its time on reading the weights, which each block does again: with more than
    /// <see cref="FewChannels"/> channels and fewer blocks of this size than threads, all tiles go through one stage at a time.
    /// </summary>
    private const int FewestTiles = 32;

    /// <summary>Channels whose weights are read in no time.</summary>
    private const int FewChannels = 32;

    /// <summary>
    /// From this many channels (the larger of input and output) the weights alone would fill the caches of a core, so that the stages run
    /// one after another on any number of threads. With stride 2 the threshold is twice as high, because a tile has twice as many rows to
    /// move through memory between the stages.
    /// </summary>
    private const int StagedChannels = 512;

    /// <summary>The most tiles of a run that a thread transforms if the stages run one after another.</summary>
    public const int StagedRun = 16;

    /// <summary>From this many tiles on there are enough long parts of the sums for any number of threads; short ones cost more.</summary>
    private const int ManyTiles = 2048;

    /// <summary>Loop items for each thread that keep all of them busy to the end of a loop.</summary>
    private const int ItemsPerThread = 2;

    /// <summary>
    /// Bytes of V and M of a block. What is best depends on the vectors: with AVX-512 a block's products end so soon that the weights,
    /// which each block reads again, count more than V and M.
    /// </summary>
    private static readonly int BlockBytes = F.Width == 16 ? 5 << 20 : 1 << 20;

    private readonly int tiles, rows, threads;

    /// <param name="tiles">Tiles of all images.</param>
    /// <param name="rows">Rows of a tile in all frequencies.</param>
    /// <param name="inputs">Input channels.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="threads">Threads that share the loop.</param>
    public WinogradSchedule(int tiles, int rows, int inputs, int outputs, int threads)
    {
        (this.tiles, this.rows, this.threads) = (tiles, rows, threads);
        int channels = Math.Max(inputs, outputs), fewest = channels <= FewChannels ? SumTiles : FewestTiles;
        int fitting = Math.Clamp(BlockBytes / (rows * (inputs + outputs) * sizeof(float)), FewestTiles, MostTiles);
        IsStaged = channels >= StagedChannels * (rows / Frequencies)
            || (channels > FewChannels && threads > 1 && tiles < (long)FewestTiles * threads);
        BlockTiles = IsStaged ? tiles : Math.Min(tiles, WholeParts(Math.Max(fewest, Math.Min(fitting, FairShare))));
    }

    /// <summary>Whether all tiles go through one stage after another.</summary>
    public bool IsStaged { get; }

    /// <summary>Tiles of a block; all of them if <see cref="IsStaged"/>.</summary>
    public int BlockTiles { get; }

    /// <summary>Tiles of a part of the sums (<see cref="ChannelSums"/>), a divisor of every block and staged run.</summary>
    public int SumTiles => tiles >= ManyTiles ? 32 : 8;

    /// <summary>Number of parts of the sums.</summary>
    public int SumParts => (tiles + SumTiles - 1) / SumTiles;

    /// <summary>Tiles of a run that a thread transforms if <see cref="IsStaged"/>.</summary>
    public int StagedTiles => WholeParts(Math.Min(StagedRun, FairShare));

    /// <summary>Pieces that the rows of a frequency are cut into if <see cref="IsStaged"/>.</summary>
    public int ProductPieces => Math.Max(1, Math.Min(tiles / StagedRun, ItemsPerThread * threads / rows));

    private int FairShare => tiles / (ItemsPerThread * threads);

    private int WholeParts(int count) => Math.Max(1, count / SumTiles) * SumTiles;
}
