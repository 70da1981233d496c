using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Tests.BatchNorm;

/// <summary>Batch normalisation as its definition, in double, over plain [N, C, H, W].</summary>
internal static class BatchNormReference
{
    public static (double[] Mean, double[] Variance) Statistics(ActivationLayout layout, float[] x)
    {
        double[] mean = new double[layout.C], variance = new double[layout.C];
        double count = (double)x.Length / layout.C;
        for (int i = 0; i < x.Length; i++)
            mean[Channel(layout, i)] += x[i] / count;
        for (int i = 0; i < x.Length; i++)
            variance[Channel(layout, i)] += Math.Pow(x[i] - mean[Channel(layout, i)], 2) / count;
        return (mean, variance);
    }

    public static double[] Forward(
        ActivationLayout layout, float[] x, double[] mean, double[] inverseStd, float[] gamma, float[] beta, float[]? residual, bool relu)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int c = Channel(layout, i);
            y[i] = (x[i] - mean[c]) * inverseStd[c] * gamma[c] + beta[c] + (residual?[i] ?? 0);
            y[i] = relu ? Math.Max(0, y[i]) : y[i];
        }
        return y;
    }

    /// <param name="y">The forward output for relu's mask, or null.</param>
    public static (double[] Dx, double[] Dgamma, double[] Dbeta, double[] Dz) Backward(
        ActivationLayout layout, float[] dy, float[]? y, float[] x, double[] mean, double[] inverseStd, float[] gamma, bool batchStatistics)
    {
        double[] dz = new double[x.Length], dx = new double[x.Length], dgamma = new double[layout.C], dbeta = new double[layout.C];
        double count = (double)x.Length / layout.C;
        for (int i = 0; i < x.Length; i++)
        {
            int c = Channel(layout, i);
            dz[i] = y is null || y[i] > 0 ? dy[i] : 0;
            dbeta[c] += dz[i];
            dgamma[c] += dz[i] * (x[i] - mean[c]) * inverseStd[c];
        }
        for (int i = 0; i < x.Length; i++)
        {
            int c = Channel(layout, i);
            double through = batchStatistics ? dbeta[c] / count + (x[i] - mean[c]) * inverseStd[c] * dgamma[c] / count : 0;
            dx[i] = gamma[c] * inverseStd[c] * (dz[i] - through);
        }
        return (dx, dgamma, dbeta, dz);
    }

    private static int Channel(ActivationLayout layout, int i) => i / (layout.H * layout.W) % layout.C;
}
