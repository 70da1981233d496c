using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Checking;

/// <summary>Pooling by its definition in ONNX and PyTorch, in double precision, over plain planes [N·C, H, W].</summary>
/// <param name="H">Rows of pixels.</param>
/// <param name="W">Columns of pixels.</param>
/// <param name="Window">The windows.</param>
/// <param name="CeilMode">Whether the numbers of windows are rounded up.</param>
/// <param name="CountPadding">Whether a mean is over the pixels of the padding too.</param>
public sealed record ReferencePool2d(int H, int W, Window2d Window, bool CeilMode = false, bool CountPadding = false)
{
    /// <summary>The maximum of each window.</summary>
    public double[] Max(double[] x) => OfWindows(x, (pixels, _) => pixels.Max(i => x[i]));

    /// <summary>The mean of each window.</summary>
    public double[] Average(double[] x) => OfWindows(x, (pixels, counted) => pixels.Sum(i => x[i]) / counted);

    /// <summary>dx of max pooling: each window's dy goes to its maximum, the first among equals.</summary>
    public double[] MaxBackward(double[] x, double[] dy)
    {
        double[] dx = new double[x.Length];
        int y = 0;
        OfWindows(x, (pixels, _) =>
        {
            // MaxBy returns the first among equals.
            dx[pixels.MaxBy(i => x[i])] += dy[y++];
            return 0;
        });
        return dx;
    }

    /// <summary>Computes a number for each window from the indices of its pixels in the image, in row-major order, and the pixels that a
    /// mean is over.</summary>
    private double[] OfWindows(double[] x, Func<List<int>, int, double> number)
    {
        List<double> numbers = [];
        int rows = Count(H, Window.Height, Window.StrideY, Window.Top, Window.Bottom, Window.DilationY);
        int columns = Count(W, Window.Width, Window.StrideX, Window.Left, Window.Right, Window.DilationX);
        for (int plane = 0; plane < x.Length; plane += H * W)
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                {
                    List<int> pixels = [];
                    int padded = 0;
                    for (int r = 0; r < Window.Height; r++)
                        for (int s = 0; s < Window.Width; s++)
                        {
                            int y = i * Window.StrideY - Window.Top + r * Window.DilationY;
                            int column = j * Window.StrideX - Window.Left + s * Window.DilationX;
                            padded += y < H + Window.Bottom && column < W + Window.Right ? 1 : 0;
                            if (y >= 0 && y < H && column >= 0 && column < W)
                                pixels.Add(plane + y * W + column);
                        }
                    numbers.Add(number(pixels, CountPadding ? padded : pixels.Count));
                }
        return [.. numbers];
    }

    private int Count(int pixels, int size, int stride, int before, int after, int dilation)
    {
        double steps = (pixels + before + after - dilation * (size - 1) - 1) / (double)stride;
        int count = (int)(CeilMode ? Math.Ceiling(steps) : Math.Floor(steps)) + 1;
        // The last window begins in the image or in the padding before it.
        return CeilMode && (count - 1) * stride >= pixels + before ? count - 1 : count;
    }
}
