namespace Ascl.Autograd.Checking;

/// <summary>Batch normalisation by its definition, in double precision, over plain [N, C, H, W].</summary>
public static class ReferenceBatchNorm
{
    /// <summary>gamma·(x − mean)/√(variance + ε) + beta with the batch's own mean and biased variance of each channel.</summary>
    public static double[] Train(double[] x, int channels, int pixels, double[] gamma, double[] beta, double epsilon)
    {
        double[] mean = new double[channels], variance = new double[channels];
        double count = x.Length / channels;
        for (int i = 0; i < x.Length; i++)
            mean[i / pixels % channels] += x[i] / count;
        for (int i = 0; i < x.Length; i++)
            variance[i / pixels % channels] += Math.Pow(x[i] - mean[i / pixels % channels], 2) / count;
        return Evaluate(x, channels, pixels, gamma, beta, mean, variance, epsilon);
    }

    /// <summary>The same with a given mean and variance.</summary>
    public static double[] Evaluate(
        double[] x, int channels, int pixels, double[] gamma, double[] beta, double[] mean, double[] variance, double epsilon)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            int c = i / pixels % channels;
            y[i] = gamma[c] * (x[i] - mean[c]) / Math.Sqrt(variance[c] + epsilon) + beta[c];
        }
        return y;
    }
}
