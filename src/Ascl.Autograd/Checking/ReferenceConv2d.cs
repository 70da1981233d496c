namespace Ascl.Autograd.Checking;

/// <summary>
/// Convolution by its definition, in double precision: the reference for the fast kernels. Arrays are plain [N, C, H, W] and [K, C, R, S].
/// </summary>
public static class ReferenceConv2d
{
    /// <summary>y[n, k, oy, ox] = Σ over c, r, s of x[n, c, oy·stride + r − padding, ox·stride + s − padding]·w[k, c, r, s].</summary>
    /// <param name="xs">The shape of x.</param>
    /// <param name="ws">The shape of w, whose C is that of x.</param>
    public static double[] Forward(
        double[] x, (int N, int C, int H, int W) xs, double[] w, (int K, int R, int S) ws, int stride, int padding)
    {
        var (oh, ow) = OutputSize(xs, ws, stride, padding);
        double[] y = new double[xs.N * ws.K * oh * ow];
        ForEachRun(xs, ws, stride, padding, (xi, wi, yi, count) =>
        {
            for (int i = 0; i < count; i++)
                y[yi + i] += x[xi + i * stride] * w[wi];
        });
        return y;
    }

    /// <summary>The gradient with respect to x.</summary>
    public static double[] BackwardInput(
        double[] dy, (int N, int C, int H, int W) xs, double[] w, (int K, int R, int S) ws, int stride, int padding)
    {
        double[] dx = new double[xs.N * xs.C * xs.H * xs.W];
        ForEachRun(xs, ws, stride, padding, (xi, wi, yi, count) =>
        {
            for (int i = 0; i < count; i++)
                dx[xi + i * stride] += dy[yi + i] * w[wi];
        });
        return dx;
    }

    /// <summary>The gradient with respect to w.</summary>
    public static double[] BackwardWeight(
        double[] x, double[] dy, (int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding)
    {
        double[] dw = new double[ws.K * xs.C * ws.R * ws.S];
        ForEachRun(xs, ws, stride, padding, (xi, wi, yi, count) =>
        {
            for (int i = 0; i < count; i++)
                dw[wi] += dy[yi + i] * x[xi + i * stride];
        });
        return dw;
    }

    /// <summary>Height and width of y.</summary>
    public static (int H, int W) OutputSize((int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding) =>
        ((xs.H + 2 * padding - ws.R) / stride + 1, (xs.W + 2 * padding - ws.S) / stride + 1);

    /// <summary>
    /// All triples of a pixel of x, a weight and a pixel of y, as runs along rows of y: calls <paramref name="run"/> with the first indices
    /// and the length. In x the pixels are <paramref name="stride"/> apart.
    /// </summary>
    private static void ForEachRun(
        (int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding, Action<int, int, int, int> run)
    {
        var (oh, ow) = OutputSize(xs, ws, stride, padding);
        for (int n = 0; n < xs.N; n++)
            for (int k = 0; k < ws.K; k++)
                for (int c = 0; c < xs.C; c++)
                    for (int r = 0; r < ws.R; r++)
                        for (int s = 0; s < ws.S; s++)
                            for (int oy = 0; oy < oh; oy++)
                            {
                                // 0 ≤ ox·stride + s − padding < W
                                int y = oy * stride + r - padding, first = s >= padding ? 0 : (padding - s + stride - 1) / stride;
                                int end = Math.Min(ow, (xs.W - 1 + padding - s) / stride + 1);
                                if (y >= 0 && y < xs.H && xs.W - 1 + padding >= s && first < end)
                                    run(((n * xs.C + c) * xs.H + y) * xs.W + first * stride + s - padding,
                                        ((k * xs.C + c) * ws.R + r) * ws.S + s, ((n * ws.K + k) * oh + oy) * ow + first, end - first);
                            }
    }
}
