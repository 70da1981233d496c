using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Layout;

/// <summary>
/// The windows of a convolution or of pooling: tap (r, s) of window (oy, ox) is the pixel (oy·StrideY + r·DilationY − Top, ox·StrideX +
/// s·DilationX − Left).
/// </summary>
/// <param name="Height">Rows of taps.</param>
/// <param name="Width">Columns of taps.</param>
/// <param name="StrideY">Rows between windows.</param>
/// <param name="StrideX">Columns between windows.</param>
/// <param name="Top">Padding pixels above the image.</param>
/// <param name="Left">Padding pixels to the left.</param>
/// <param name="Bottom">Padding pixels below.</param>
/// <param name="Right">Padding pixels to the right.</param>
/// <param name="DilationY">Rows between taps; 1 if they are neighbours.</param>
/// <param name="DilationX">Columns between taps.</param>
public readonly record struct Window2d(
    int Height, int Width, int StrideY = 1, int StrideX = 1, int Top = 0, int Left = 0, int Bottom = 0, int Right = 0, int DilationY = 1,
    int DilationX = 1)
{
    /// <summary>Rows of windows that fit into <paramref name="h"/> rows of pixels and their padding; a last one that does not fit is left
    /// out.</summary>
    /// <exception cref="ShapeException">None fits, or a number of the window is out of range.</exception>
    public int OutputHeight(int h) => Fitting(h + Top + Bottom - (Height - 1) * DilationY - 1, StrideY, h, "rows");

    /// <summary>Columns of windows that fit into <paramref name="w"/> columns of pixels and their padding; a last one that does not fit is
    /// left out.</summary>
    /// <exception cref="ShapeException">None fits, or a number of the window is out of range.</exception>
    public int OutputWidth(int w) => Fitting(w + Left + Right - (Width - 1) * DilationX - 1, StrideX, w, "columns");

    /// <summary>For traces and messages: "3x3 stride 2 padding 1", numbers of both directions where they differ.</summary>
    public override string ToString()
<<<<<<< HEAD
    {
        string padding = (Top, Left, Bottom, Right) == (Top, Top, Top, Top) ? $"{Top}" : $"{Top},{Left},{Bottom},{Right}";
        return $"{Height}x{Width} stride {Both(StrideY, StrideX)} padding {padding}"
            + (DilationY == 1 && DilationX == 1 ? "" : $" dilation {Both(DilationY, DilationX)}");

        static string Both(int y, int x) => y == x ? $"{y}" : $"{y}x{x}";
    }

    private int Windows(int pixels, int size, int stride, int before, int after, int dilation, string what)
=======
>>>>>>> act
    {
        string padding = (Top, Left, Bottom, Right) == (Top, Top, Top, Top) ? $"{Top}" : $"{Top},{Left},{Bottom},{Right}";
        return $"{Height}x{Width} stride {Both(StrideY, StrideX)} padding {padding}"
            + (DilationY == 1 && DilationX == 1 ? "" : $" dilation {Both(DilationY, DilationX)}");

        static string Both(int y, int x) => y == x ? $"{y}" : $"{y}x{x}";
    }

    private int Fitting(int room, int stride, int pixels, string what)
    {
        if (Height < 1 || Width < 1 || StrideY < 1 || StrideX < 1 || DilationY < 1 || DilationX < 1)
            throw new ShapeException($"size, stride and dilation of a window must be at least 1: {this}");
        if (Top < 0 || Left < 0 || Bottom < 0 || Right < 0)
            throw new ShapeException($"the padding of a window must be at least 0: {this}");
        return room >= 0
            ? room / stride + 1
            : throw new ShapeException($"a window {this} does not fit into {pixels} {what} and their padding");
    }
}
