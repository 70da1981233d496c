using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Checking;

/// <summary>
/// Convolution with any window and groups by its definition, in double precision: the reference for the fast kernels. Arrays are plain
/// [N, C, H, W] and [K, C/groups, R, S].
/// </summary>
public static class ReferenceWindowConv2d
{
    /// <summary>The sizes of a convolution.</summary>
    /// <param name="N">Images.</param>
    /// <param name="C">Channels of x.</param>
    /// <param name="H">Rows of x.</param>
    /// <param name="W">Columns of x.</param>
    /// <param name="K">Channels of y.</param>
    /// <param name="Window">The window; its size is the weight's.</param>
    /// <param name="Groups">Divides C and K.</param>
    public sealed record Sizes(int N, int C, int H, int W, int K, Window2d Window, int Groups = 1)
    {
        /// <summary>Rows of y: floor of (H + Top + Bottom − DilationY·(R − 1) − 1)/StrideY, plus 1.</summary>
        public int OutputH { get; init; } =
            (H + Window.Top + Window.Bottom - Window.DilationY * (Window.Height - 1) - 1) / Window.StrideY + 1;

        /// <summary>Columns of y.</summary>
        public int OutputW { get; init; } =
            (W + Window.Left + Window.Right - Window.DilationX * (Window.Width - 1) - 1) / Window.StrideX + 1;

        /// <summary>Elements of x.</summary>
        public int InputLength => N * C * H * W;

        /// <summary>Elements of y.</summary>
        public int OutputLength => N * K * OutputH * OutputW;

        /// <summary>Elements of the weight.</summary>
        public int WeightLength => K * (C / Groups) * Window.Height * Window.Width;
    }

    /// <summary>y[n, k, oy, ox] = Σ over c, r, s of x[n, c, oy·StrideY + r·DilationY − Top, …]·w[k, c, r, s], c in k's group.</summary>
    public static double[] Forward(double[] x, double[] w, Sizes sizes)
    {
        double[] y = new double[sizes.OutputLength];
        ForEach(sizes, (xi, wi, yi) => y[yi] += x[xi] * w[wi]);
        return y;
    }

    /// <summary>The gradient with respect to x; as a function of dy the transposed convolution.</summary>
    public static double[] BackwardInput(double[] dy, double[] w, Sizes sizes)
    {
        double[] dx = new double[sizes.InputLength];
        ForEach(sizes, (xi, wi, yi) => dx[xi] += dy[yi] * w[wi]);
        return dx;
    }

    /// <summary>The gradient with respect to w.</summary>
    public static double[] BackwardWeight(double[] x, double[] dy, Sizes sizes)
    {
        double[] dw = new double[sizes.WeightLength];
        ForEach(sizes, (xi, wi, yi) => dw[wi] += dy[yi] * x[xi]);
        return dw;
    }

    /// <summary>All triples of a pixel of x, a weight and a pixel of y.</summary>
    private static void ForEach(Sizes z, Action<int, int, int> product)
    {
        Window2d v = z.Window;
        int groupInputs = z.C / z.Groups, groupOutputs = z.K / z.Groups, yi = 0;
        for (int n = 0; n < z.N; n++)
            for (int k = 0; k < z.K; k++)
                for (int oy = 0; oy < z.OutputH; oy++)
                    for (int ox = 0; ox < z.OutputW; ox++, yi++)
                        for (int c = 0; c < groupInputs; c++)
                            for (int r = 0; r < v.Height; r++)
                                for (int s = 0; s < v.Width; s++)
                                {
                                    int y = oy * v.StrideY + r * v.DilationY - v.Top, x = ox * v.StrideX + s * v.DilationX - v.Left;
                                    if (y >= 0 && y < z.H && x >= 0 && x < z.W)
                                        product(((n * z.C + k / groupOutputs * groupInputs + c) * z.H + y) * z.W + x,
                                            ((k * groupInputs + c) * v.Height + r) * v.Width + s, yi);
                                }
    }
}
