using Ascl.Kernels.Gemm;

namespace Ascl.Kernels.Conv2d;

/// <summary>A group's tile in <see cref="ImplicitGemm"/>: rows are pixels, columns are channels of the result.</summary>
internal interface IPixelTile : ITileShape
{
    /// <summary>Whether the result is image planes: one value per pixel, with a plane as channel stride.</summary>
    static abstract bool Planes { get; }
}

/// <summary>128 pixels × 64 channels, 8×8 per thread: the most arithmetic per load.</summary>
internal readonly struct Pixels128X64 : IPixelTile
{
    public static int LogThreadRows => 4;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 2;
    public static bool Planes => false;
}

/// <summary>64 pixels × 64 channels, 8×4 per thread: four times the threads, for small images.</summary>
internal readonly struct Pixels64X64 : IPixelTile
{
    public static int LogThreadRows => 3;
    public static int LogThreadColumns => 4;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static bool Planes => false;
}

/// <summary>128 pixels × 32 channels.</summary>
internal readonly struct Pixels128X32 : IPixelTile
{
    public static int LogThreadRows => 4;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static bool Planes => false;
}

/// <summary>256 pixels × 16 channels.</summary>
internal readonly struct Pixels256X16 : IPixelTile
{
    public static int LogThreadRows => 5;
    public static int LogThreadColumns => 2;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static bool Planes => false;
}

/// <summary>256 pixels × 4 channels of image planes.</summary>
internal readonly struct Pixels256X4 : IPixelTile
{
    public static int LogThreadRows => 6;
    public static int LogThreadColumns => 0;
    public static int RowHalves => 1;
    public static int ColumnHalves => 1;
    public static bool Planes => true;
}

/// <summary>
/// The tile of a group of 64 threads in <see cref="WeightGradient"/>: rows are output channels, the 64 columns are input channels of taps.
/// </summary>
internal interface IWeightTile : ITileShape
{
    /// <summary>log₂(rows / 4).</summary>
    static abstract int LogRowQuads { get; }
}

/// <summary>64 output channels, 8×8 per thread.</summary>
internal readonly struct Weights64X64 : IWeightTile
{
    public static int LogThreadRows => 3;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 2;
    public static int LogRowQuads => 4;
}

/// <summary>32 output channels, 8×4 per thread.</summary>
internal readonly struct Weights32X64 : IWeightTile
{
    public static int LogThreadRows => 2;
    public static int LogThreadColumns => 4;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static int LogRowQuads => 3;
}

/// <summary>16 output channels, 4×4 per thread.</summary>
internal readonly struct Weights16X64 : IWeightTile
{
    public static int LogThreadRows => 2;
    public static int LogThreadColumns => 4;
    public static int RowHalves => 1;
    public static int ColumnHalves => 1;
    public static int LogRowQuads => 2;
}
