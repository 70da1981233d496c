namespace Ascl.Autograd.Checking;

/// <summary>Pooling by its definition, in double precision, over plain planes [N·C, H, W] with square windows and no padding.</summary>
public static class ReferencePool2d
{
    /// <summary>The maximum of each window.</summary>
    public static double[] Max(double[] x, int h, int w, int size, int stride) =>
        OfWindows(x, h, w, size, stride, window => window.Max(i => x[i]));

    /// <summary>The mean of each window.</summary>
    public static double[] Average(double[] x, int h, int w, int size, int stride) =>
        OfWindows(x, h, w, size, stride, window => window.Average(i => x[i]));

    /// <summary>dx of max pooling: each window's dy goes to its maximum, the first among equals.</summary>
    public static double[] MaxBackward(double[] x, double[] dy, int h, int w, int size, int stride)
    {
        double[] dx = new double[x.Length];
        int y = 0;
        OfWindows(x, h, w, size, stride, window =>
        {
            // MaxBy returns the first among equals.
            dx[window.MaxBy(i => x[i])] += dy[y++];
            return 0;
        });
        return dx;
    }

    /// <summary>Computes a number for each window from the indices of its pixels in row-major order.</summary>
    private static double[] OfWindows(double[] x, int h, int w, int size, int stride, Func<List<int>, double> number)
    {
        List<double> numbers = [];
        for (int plane = 0; plane < x.Length; plane += h * w)
            for (int top = 0; top + size <= h; top += stride)
                for (int left = 0; left + size <= w; left += stride)
                {
                    List<int> window = [];
                    for (int r = 0; r < size; r++)
                        for (int s = 0; s < size; s++)
                            window.Add(plane + (top + r) * w + left + s);
                    numbers.Add(number(window));
                }
        return [.. numbers];
    }
}
