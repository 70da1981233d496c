using Ascl.Kernels.Gemm;

namespace Ascl.Kernels.Conv2d;

/// <summary>The tile of a group in <see cref="ImplicitGemm"/>: rows are pixels, columns channels of the result.</summary>
internal interface IPixelTile : ITileShape
{
    /// <summary>Whether the result is image planes: a value per pixel, the channels a plane apart.</summary>
    static abstract bool Planes { get; }
}

/// <summary>128 pixels × 64 channels, 8×8 a thread: the most work for what is read.</summary>
internal readonly struct Pixels128X64 : IPixelTile
{
    public static int LogThreadRows => 4;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 2;
    public static bool Planes => false;
}

/// <summary>64 pixels × 64 channels, 8×4 a thread: four times the threads, for small images.</summary>
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

/// <summary>The tile of a group of 64 threads in <see cref="WeightGradient"/>: rows are output channels, the 64 columns a tap's input channels.</summary>
internal interface IWeightTile : ITileShape
{
    /// <summary>Rows / 4, as a logarithm.</summary>
    static abstract int LogRowQuads { get; }
}

/// <summary>64 output channels, 8×8 a thread.</summary>
internal readonly struct Weights64X64 : IWeightTile
{
    public static int LogThreadRows => 3;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 2;
    public static int LogRowQuads => 4;
}

/// <summary>32 output channels, 8×4 a thread.</summary>
internal readonly struct Weights32X64 : IWeightTile
{
    public static int LogThreadRows => 2;
    public static int LogThreadColumns => 4;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static int LogRowQuads => 3;
}

/// <summary>16 output channels, 4×4 a thread.</summary>
internal readonly struct Weights16X64 : IWeightTile
{
    public static int LogThreadRows => 2;
    public static int LogThreadColumns => 4;
    public static int RowHalves => 1;
    public static int ColumnHalves => 1;
    public static int LogRowQuads => 2;
}
