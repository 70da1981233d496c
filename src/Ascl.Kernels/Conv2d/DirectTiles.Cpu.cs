using Ascl.Kernels.Gemm;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The channel blocks of a convolution's result, cut into tiles of 1, 2 or 4 vectors, and for each the blocks of the other channels that
/// its groups contain: all of them if there is one group.
/// </summary>
internal sealed class DirectTiles
{
    private readonly Tile[] tiles;

    private DirectTiles(Tile[] tiles, int vectors, int lanes, int taps, int length) =>
        (this.tiles, Vectors, Lanes, Taps, Length) = (tiles, vectors, lanes, taps, length);

    /// <param name="Start">First block of the result.</param>
    /// <param name="Vectors">Blocks of the result.</param>
    /// <param name="FirstInput">First block of the other channels.</param>
    /// <param name="Inputs">Blocks of the other channels.</param>
    /// <param name="Packed">Where the weights begin: [input block][tap][lane of the input][vectors × width].</param>
    public readonly record struct Tile(int Start, int Vectors, int FirstInput, int Inputs, int Packed);

    /// <summary>Number of tiles.</summary>
    public int Count => tiles.Length;

    public Tile this[int index] => tiles[index];

    /// <summary>Blocks of the widest tile.</summary>
    public int Vectors { get; }

    /// <summary>Channels in a block of the input.</summary>
    public int Lanes { get; }

    public int Taps { get; }

    /// <summary>Floats of all packed weights.</summary>
    public int Length { get; }

    /// <summary>The most input blocks of a tile.</summary>
    public int MostInputs => tiles.Max(tile => tile.Inputs);

    /// <summary>The tiles with which rows of <paramref name="width"/> pixels are cheapest.</summary>
    /// <param name="outputs">Layout of the result.</param>
    /// <param name="groupOutputs">Channels of the result in a group.</param>
    /// <param name="inputs">Layout of the other side.</param>
    /// <param name="groupInputs">Its channels in a group.</param>
    /// <param name="taps">Taps of the kernel.</param>
    public static DirectTiles For<F>(
        int width, ActivationLayout outputs, int groupOutputs, ActivationLayout inputs, int groupInputs, int taps)
        where F : struct, ISimd<F> =>
        groupOutputs == outputs.C
            ? Cut<F>(TilePlan<F>.Widest(width, outputs.Blocks), outputs, groupOutputs, inputs, groupInputs, taps)
            : new[] { 4, 2, 1 }.Where(v => v <= outputs.Blocks)
                .Select(v => Cut<F>(v, outputs, groupOutputs, inputs, groupInputs, taps))
                .MinBy(tiles => tiles.tiles.Sum(tile => (long)TilePlan<F>.Cost(width, tile.Vectors) * tile.Inputs))!;

    /// <summary>The widest tiles of at most <paramref name="widest"/> blocks that compute the least between groups.</summary>
    public static DirectTiles Widest<F>(
        int widest, ActivationLayout outputs, int groupOutputs, ActivationLayout inputs, int groupInputs, int taps)
        where F : struct, ISimd<F> =>
        new[] { 4, 2, 1 }.Where(v => v <= widest)
            .Select(v => Cut<F>(v, outputs, groupOutputs, inputs, groupInputs, taps)).MinBy(tiles => tiles.Length)!;

    private static DirectTiles Cut<F>(
        int widest, ActivationLayout outputs, int groupOutputs, ActivationLayout inputs, int groupInputs, int taps)
        where F : struct, ISimd<F>
    {
        int length = 0;
        List<Tile> tiles = [];
        foreach (var (start, vectors) in TilePlan<F>.Groups(outputs.Blocks, widest))
        {
            int first = start * F.Width / groupOutputs, last = (Math.Min(outputs.C, (start + vectors) * F.Width) - 1) / groupOutputs;
            int firstBlock = first * groupInputs / inputs.Block, endBlock = ((last + 1) * groupInputs - 1) / inputs.Block + 1;
            tiles.Add(new(start, vectors, firstBlock, endBlock - firstBlock, length));
            length = checked(length + vectors * F.Width * (endBlock - firstBlock) * inputs.Block * taps);
        }
        return new([.. tiles], widest, inputs.Block, taps, length);
    }
}
