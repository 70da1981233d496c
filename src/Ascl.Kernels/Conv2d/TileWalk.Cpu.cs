namespace Ascl.Kernels.Conv2d;

/// <summary>Iterates over a run of tiles in the order of the transforms: by image, then channel block, then tile.</summary>
internal struct TileWalk
{
    private readonly int last, rows, columns, blocks;
    private int from, to;

    public TileWalk(int first, int last, int rows, int columns, int blocks)
    {
        (this.last, this.rows, this.columns, this.blocks) = (last, rows, columns, blocks);
        Begin(first);
    }

    public int Image { get; private set; }
    public int Block { get; private set; }

    /// <summary>The tile's index over all images.</summary>
    public int Tile { get; private set; }
    public int Row { get; private set; }
    public int Column { get; private set; }

    public readonly bool Ended => Tile >= last;

    public void Next()
    {
        Column++;
        if (++Tile < to)
        {
            if (Column == columns)
                (Row, Column) = (Row + 1, 0);
            return;
        }
        if (++Block < blocks)
            Restart();
        else
            Begin(to);
    }

    private void Begin(int first)
    {
        int perImage = rows * columns;
        Image = first / perImage;
        (from, to, Block) = (first, Math.Min(last, (Image + 1) * perImage), 0);
        Restart();
    }

    private void Restart()
    {
        Tile = from;
        (Row, Column) = Math.DivRem(from % (rows * columns), columns);
    }
}
