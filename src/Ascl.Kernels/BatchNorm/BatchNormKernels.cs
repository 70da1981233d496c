using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.BatchNorm;

/// <summary>Running estimates of mean and variance, [C], and the share of each batch in them.</summary>
public readonly record struct RunningStatistics(DeviceBuffer<float> Mean, DeviceBuffer<float> Variance, float Momentum);

/// <summary>
/// Batch normalisation with what usually follows it in the same pass: y = relu?((x − mean)·inverseStd·gamma + beta + residual).
/// mean, inverseStd and their like are [C] rounded up to whole channel blocks; gamma and beta are [C].
/// </summary>
public static unsafe partial class BatchNormKernels
{
    /// <summary>Mean and biased variance of every channel over N, H and W.</summary>
    /// <param name="sums">Where the convolution that made x made them, x is not read.</param>
    public static void Statistics(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> variance, ChannelSums? sums = null)
    {
        if (sums is { Made: true })
        {
            using var addition = KernelTrace.Begin("batch_norm.statistics_of_sums", layout, 8.0 * sums.Parts * layout.C, 12.0 * sums.Parts * layout.C);
            Cpu.Statistics((CpuDevice)x.Device, layout, sums, CpuDevice.Pointer(mean), CpuDevice.Pointer(variance));
            return;
        }
        using var trace = KernelTrace.Begin("batch_norm.statistics", layout, 3.0 * layout.Length, 4.0 * layout.Length);
        if (x.Device is CudaDevice cuda)
            BatchNormCuda.Statistics(cuda, layout, x, mean, variance);
        else
            Cpu.Statistics((CpuDevice)x.Device, layout, CpuDevice.Pointer(x), CpuDevice.Pointer(mean), CpuDevice.Pointer(variance));
    }

    /// <summary>
    /// What training needs of the statistics: mean, inverseStd as of <see cref="InverseStd"/>, and running ← (1 − momentum)·running + momentum·batch, the variance
    /// unbiased by count/(count − 1), as PyTorch does.
    /// </summary>
    /// <param name="sums">Where the convolution that made x made them, x is not read.</param>
    public static void TrainStatistics(
        ActivationLayout layout, DeviceBuffer<float> x, RunningStatistics running, float epsilon, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, ChannelSums? sums = null)
    {
        double count = (double)layout.N * layout.H * layout.W, unbias = count > 1 ? count / (count - 1) : 1;
        if (x.Device is CudaDevice cuda)
        {
            using var trace = KernelTrace.Begin("batch_norm.statistics", layout, 3.0 * layout.Length, 4.0 * layout.Length);
            BatchNormCuda.TrainStatistics(cuda, layout, x, running, (float)unbias, epsilon, mean, inverseStd);
        }
        else
        {
            DeviceBuffer<float> variance = x.Device.Pool.Rent(mean.Length, 0);
            Statistics(layout, x, mean, variance, sums);
            UpdateRunningCpu(layout.C, unbias, mean, variance, running.Momentum, running.Mean, running.Variance);
            InverseStd(layout.C, variance, epsilon, inverseStd);
            x.Device.Pool.Return(variance);
        }
        running.Mean.MarkChanged();
        running.Variance.MarkChanged();
    }

    internal static void UpdateRunningCpu(int channels, double unbias, DeviceBuffer<float> mean, DeviceBuffer<float> variance, float momentum, DeviceBuffer<float> runningMean, DeviceBuffer<float> runningVariance)
    {
        Span<float> m = ((CpuBuffer<float>)runningMean).Span, v = ((CpuBuffer<float>)runningVariance).Span;
        Span<float> batchMean = ((CpuBuffer<float>)mean).Span, batchVariance = ((CpuBuffer<float>)variance).Span;
        for (int c = 0; c < channels; c++)
        {
            m[c] = (float)((1 - (double)momentum) * m[c] + (double)momentum * batchMean[c]);
            v[c] = (float)((1 - (double)momentum) * v[c] + (double)momentum * (batchVariance[c] * unbias));
        }
    }

    /// <summary>inverseStd = 1/√(variance + epsilon) of the first <paramref name="channels"/>, 0 for those that only fill up a block.</summary>
    public static void InverseStd(int channels, DeviceBuffer<float> variance, float epsilon, DeviceBuffer<float> inverseStd)
    {
        if (variance.Device is CudaDevice cuda)
        {
            BatchNormCuda.InverseStd(cuda, channels, variance, epsilon, inverseStd);
            return;
        }
        Span<float> v = ((CpuBuffer<float>)variance).Span, s = ((CpuBuffer<float>)inverseStd).Span;
        for (int c = 0; c < s.Length; c++)
            s[c] = c < channels ? (float)(1 / Math.Sqrt(v[c] + (double)epsilon)) : 0;
    }

    public static void Forward(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float> gamma, DeviceBuffer<float> beta,
        DeviceBuffer<float>? residual, bool relu, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("batch_norm.forward", layout, 4.0 * layout.Length, (residual is null ? 8.0 : 12.0) * layout.Length,
            cpu => Cpu.Forward(cpu, layout, CpuDevice.Pointer(x), CpuDevice.Pointer(mean), CpuDevice.Pointer(inverseStd), CpuDevice.Pointer(gamma), CpuDevice.Pointer(beta), PointerOrNull(residual), relu, CpuDevice.Pointer(y)),
            cuda => BatchNormCuda.Forward(cuda, layout, x, mean, inverseStd, gamma, beta, residual, relu, y),
            y);
    }

    /// <summary>
    /// With dz = dy where y &gt; 0 (all of dy without relu): dbeta = Σ dz, dgamma = Σ dz·(x − mean)·inverseStd, and
    /// dx = gamma·inverseStd·(dz − dbeta/M − (x − mean)·inverseStd·dgamma/M), M = N·H·W, for batch statistics;
    /// dx = gamma·inverseStd·dz for fixed ones.
    /// </summary>
    /// <param name="y">The forward output, for relu's mask; null without relu.</param>
    /// <param name="dz">Where not null, receives dz: the residual's gradient.</param>
    public static void Backward(ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float>? y, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd,
        DeviceBuffer<float> gamma, bool batchStatistics, DeviceBuffer<float> dx, DeviceBuffer<float> dgamma, DeviceBuffer<float> dbeta, DeviceBuffer<float>? dz)
    {
        using var trace = KernelTrace.Begin("batch_norm.backward", layout, 8.0 * layout.Length, 28.0 * layout.Length);
        if (x.Device is CudaDevice cuda)
            BatchNormCuda.Backward(cuda, layout, dy, y, x, mean, inverseStd, gamma, batchStatistics, dx, dgamma, dbeta, dz);
        else
            Cpu.Backward((CpuDevice)x.Device, layout, CpuDevice.Pointer(dy), PointerOrNull(y), CpuDevice.Pointer(x), CpuDevice.Pointer(mean), CpuDevice.Pointer(inverseStd), CpuDevice.Pointer(gamma),
                batchStatistics, CpuDevice.Pointer(dx), CpuDevice.Pointer(dgamma), CpuDevice.Pointer(dbeta), PointerOrNull(dz));
    }

    private static float* PointerOrNull(DeviceBuffer<float>? buffer) => buffer is null ? null : CpuDevice.Pointer(buffer);
}
