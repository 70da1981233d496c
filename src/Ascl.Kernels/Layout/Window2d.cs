using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Layout;

/// <summary>The windows that a convolution or a pooling moves over an image: pixels (o·stride − padding + r·dilation) in each direction,
/// for r in 0…size − 1.</summary>
/// <param name="Height">Rows of a window, without what dilation leaves out.</param>
/// <param name="Width">Columns of a window.</param>
/// <param name="StrideY">Rows between windows.</param>
/// <param name="StrideX">Columns between windows.</param>
/// <param name="Top">Rows of padding above the image.</param>
/// <param name="Left">Columns of padding left of the image.</param>
/// <param name="Bottom">Rows of padding below the image.</param>
/// <param name="Right">Columns of padding right of the image.</param>
/// <param name="DilationY">Rows from one pixel of a window to the next; 1 for neighbours.</param>
/// <param name="DilationX">Columns from one pixel of a window to the next.</param>
public readonly record struct Window2d(
    int Height, int Width, int StrideY = 1, int StrideX = 1, int Top = 0, int Left = 0, int Bottom = 0, int Right = 0, int DilationY = 1,
    int DilationX = 1)
{
    /// <summary>Rows of whole windows over <paramref name="h"/> rows of pixels and the padding.</summary>
    /// <exception cref="ShapeException">A setting is out of range, or no window fits.</exception>
    public int OutputHeight(int h) => Windows(h, Height, StrideY, Top, Bottom, DilationY, "rows");

    /// <summary>Columns of whole windows over <paramref name="w"/> columns of pixels and the padding.</summary>
    /// <exception cref="ShapeException">A setting is out of range, or no window fits.</exception>
    public int OutputWidth(int w) => Windows(w, Width, StrideX, Left, Right, DilationX, "columns");

    /// <summary>For traces and messages: "3x3 stride 2 padding 1", numbers of both directions where they differ.</summary>
    public override string ToString()
    {
        string padding = (Top, Left, Bottom, Right) == (Top, Top, Top, Top) ? $"{Top}" : $"{Top},{Left},{Bottom},{Right}";
        return $"{Height}x{Width} stride {Both(StrideY, StrideX)} padding {padding}"
            + (DilationY == 1 && DilationX == 1 ? "" : $" dilation {Both(DilationY, DilationX)}");

        static string Both(int y, int x) => y == x ? $"{y}" : $"{y}x{x}";
    }

    private int Windows(int pixels, int size, int stride, int before, int after, int dilation, string what)
    {
        if (size < 1 || stride < 1 || dilation < 1 || before < 0 || after < 0)
            throw new ShapeException($"window {this}: sizes, strides and dilations must be at least 1, padding at least 0");
        long covered = (size - 1L) * dilation + 1, room = (long)pixels + before + after - covered;
        return pixels >= 1 && room >= 0
            ? checked((int)(room / stride + 1))
            : throw new ShapeException($"window {this} does not fit {pixels} {what}");
    }
}
