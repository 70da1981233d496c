namespace Ascl.Autograd.Checking;

/// <summary>Convolution written as its definition, in double precision: what the fast kernels are checked against. All arrays are plain [N, C, H, W]
/// and [K, C, R, S].</summary>
public static class ReferenceConv2d
{
    /// <summary>y and the shape of it.</summary>
    public static double[] Forward(double[] x, (int N, int C, int H, int W) xs, double[] w, (int K, int R, int S) ws, int stride, int padding)
    {
        var (oh, ow) = OutputSize(xs, ws, stride, padding);
        double[] y = new double[xs.N * ws.K * oh * ow];
        ForEachProduct(xs, ws, stride, padding, (xi, wi, yi) => y[yi] += x[xi] * w[wi]);
        return y;
    }

    public static double[] BackwardInput(double[] dy, (int N, int C, int H, int W) xs, double[] w, (int K, int R, int S) ws, int stride, int padding)
    {
        double[] dx = new double[xs.N * xs.C * xs.H * xs.W];
        ForEachProduct(xs, ws, stride, padding, (xi, wi, yi) => dx[xi] += dy[yi] * w[wi]);
        return dx;
    }

    public static double[] BackwardWeight(double[] x, double[] dy, (int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding)
    {
        double[] dw = new double[ws.K * xs.C * ws.R * ws.S];
        ForEachProduct(xs, ws, stride, padding, (xi, wi, yi) => dw[wi] += dy[yi] * x[xi]);
        return dw;
    }

    public static (int H, int W) OutputSize((int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding) =>
        ((xs.H + 2 * padding - ws.R) / stride + 1, (xs.W + 2 * padding - ws.S) / stride + 1);

    private static void ForEachProduct((int N, int C, int H, int W) xs, (int K, int R, int S) ws, int stride, int padding, Action<int, int, int> product)
    {
        var (oh, ow) = OutputSize(xs, ws, stride, padding);
        for (int n = 0; n < xs.N; n++)
            for (int k = 0; k < ws.K; k++)
                for (int oy = 0; oy < oh; oy++)
                    for (int ox = 0; ox < ow; ox++)
                        for (int c = 0; c < xs.C; c++)
                            for (int r = 0; r < ws.R; r++)
                                for (int s = 0; s < ws.S; s++)
                                {
                                    int y = oy * stride + r - padding, x = ox * stride + s - padding;
                                    if (y >= 0 && y < xs.H && x >= 0 && x < xs.W)
                                        product(((n * xs.C + c) * xs.H + y) * xs.W + x, ((k * xs.C + c) * ws.R + r) * ws.S + s, ((n * ws.K + k) * oh + oy) * ow + ox);
                                }
    }
}
