using Ascl.Kernels.GpuCode;

namespace Ascl.Kernels.Layout;

/// <summary>
/// The addresses of an activation's pixels in a GPU kernel: pixel (y, x) of image n is at First + n·Image + y·Row + x·Pixel, in units of
/// four floats (of one float for image planes). A grid can also address a shifted, strided subset of the pixels.
/// </summary>
internal readonly struct PixelGrid
{
    public readonly int First, Image, Row, Pixel;

    private PixelGrid(int first, int image, int row, int pixel) => (First, Image, Row, Pixel) = (first, image, row, pixel);

    /// <summary>All pixels of <paramref name="layout"/> with a border of <paramref name="halo"/>.</summary>
    public static PixelGrid Of(ActivationLayout layout, int halo = ActivationLayout.Halo)
    {
        int pixel = layout.Block == 1 ? 1 : layout.Block / 4, row = (layout.W + 2 * halo) * pixel;
        return new(halo * (row + pixel), layout.Blocks * (layout.H + 2 * halo) * row, row, pixel);
    }

    /// <summary>
    /// Every <paramref name="step"/>-th pixel, starting at (<paramref name="y"/>, <paramref name="x"/>), which may be in the border.
    /// </summary>
    public PixelGrid Every(int step, int y, int x) => Every(step, step, y, x);

    /// <summary>Every <paramref name="stepX"/>-th pixel of every <paramref name="stepY"/>-th row.</summary>
    public PixelGrid Every(int stepY, int stepX, int y, int x) => new(First + y * Row + x * Pixel, Image, stepY * Row, stepX * Pixel);

    public int At(int n, int y, int x) => First + n * Image + y * Row + x * Pixel;
}

/// <summary>The indices 0…Count−1 of all pixels of a batch, image by image and row by row.</summary>
internal readonly struct PixelNumbers(int n, int h, int w)
{
    private readonly InvariantDivision rows = new(Math.Max(h, 1)), columns = new(Math.Max(w, 1));

    public readonly int Count = checked(n * h * w);

    internal struct Place
    {
        public int Image, Y, X;
    }

    public Place Of(int pixel)
    {
        int row = columns.Quotient(pixel), image = rows.Quotient(row);
        Place place = default;
        (place.Image, place.Y, place.X) = (image, row - image * rows.Divisor, pixel - row * columns.Divisor);
        return place;
    }

    /// <summary>The address of a pixel in a grid.</summary>
    public int At(PixelGrid grid, int pixel)
    {
        Place place = Of(pixel);
        return grid.At(place.Image, place.Y, place.X);
    }
}
