using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>
/// BatchNorm with the statistics of a whole batch of which each part passes alone. Forward, parts share their image counts, means and
/// variances: mean = Σ n_s·mean_s/N, variance = Σ n_s·(variance_s + (mean_s − mean)²)/N (Chan et al. 1979). Backward, they share dgamma and
/// dbeta, which dx depends on: dx = gamma·inverseStd·(dz − Σ dbeta_s/M − x̂·Σ dgamma_s/M), M = N·H·W.
/// </summary>
internal static class BatchNormSynchronization
{
    /// <summary>Writes mean and inverse standard deviation of the whole batch, and defers the update of the running statistics.</summary>
    /// <returns>M, the values of a channel in the whole batch.</returns>
    public static double Statistics(IBatchGroup group, ActivationLayout layout, Tensor x, BatchNormState state, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd)
    {
        Tensor variance = Tensor.Empty(x.Device, new(mean.Length));
        BatchNormKernels.Statistics(layout, x.Data, mean, variance.Data, x.Sums);
        int channels = layout.C;
        float[][] parts = group.Gather([layout.N, .. mean.ToArray()[..channels], .. variance.ToArray()[..channels]]);
        double images = parts.Sum(part => (double)part[0]), count = images * layout.H * layout.W;
        float[] means = new float[mean.Length], variances = new float[mean.Length];
        for (int c = 0; c < channels; c++)
        {
            double whole = parts.Sum(part => part[0] * (double)part[1 + c]) / images;
            means[c] = (float)whole;
            variances[c] = (float)(parts.Sum(part => part[0] * (part[1 + channels + c] + Math.Pow(part[1 + c] - whole, 2))) / images);
        }
        mean.CopyFrom(means);
        variance.Data.CopyFrom(variances);
        BatchNormKernels.InverseStd(channels, variance.Data, state.Epsilon, inverseStd);
        double unbias = count > 1 ? count / (count - 1) : 1;
        group.Defer(() =>
        {
            Update(state.RunningMean.Data, means, state.Momentum, 1);
            Update(state.RunningVariance.Data, variances, state.Momentum, unbias);
        });
        return count;
    }

    /// <summary>The gradient of x, given that of fixed statistics and this part's gradients of gamma and beta.</summary>
    public static Tensor Backward(IBatchGroup group, ActivationLayout layout, Tensor x, BatchNormState state, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd, double count, Tensor fixedGradient, Tensor dgamma, Tensor dbeta)
    {
        int channels = layout.C;
        float[][] parts = group.Gather([.. dgamma.ToArray(), .. dbeta.ToArray()]);
        float[] gamma = state.Gamma.ToArray(), inverse = inverseStd.ToArray(), scale = new float[channels], shift = new float[channels];
        for (int c = 0; c < channels; c++)
        {
            double factor = -gamma[c] * (double)inverse[c] / count;
            scale[c] = (float)(factor * parts.Sum(part => (double)part[c]));
            shift[c] = (float)(factor * parts.Sum(part => (double)part[channels + c]));
        }
        Tensor dx = Tensor.EmptyLike(x), a = Tensor.Empty(x.Device, new(channels)), b = Tensor.Empty(x.Device, new(channels));
        a.Data.CopyFrom(scale);
        b.Data.CopyFrom(shift);
        BatchNormKernels.Forward(layout, x.Data, mean, inverseStd, a.Data, b.Data, fixedGradient.Data, relu: false, dx.Data);
        return dx;
    }

    private static void Update(DeviceBuffer<float> running, float[] batch, float momentum, double unbias)
    {
        float[] values = running.ToArray();
        for (int c = 0; c < values.Length; c++)
            values[c] = (float)((1 - (double)momentum) * values[c] + (double)momentum * (batch[c] * unbias));
        running.CopyFrom(values);
    }
}
