using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.BatchNorm;

/// <summary>Running estimates of mean and variance.</summary>
/// <param name="Mean">[C].</param>
/// <param name="Variance">[C], unbiased.</param>
/// <param name="Momentum">The weight of each new batch.</param>
public readonly record struct RunningStatistics(DeviceBuffer<float> Mean, DeviceBuffer<float> Variance, float Momentum);

/// <summary>
/// Batch normalisation fused with what usually follows it: y = relu?((x − mean)·inverseStd·gamma + beta + residual). mean, variance and
/// inverseStd are [C] rounded up to whole channel blocks; gamma and beta are [C].
/// </summary>
public static unsafe partial class BatchNormKernels
{
    /// <summary>Mean and biased variance of every channel over N, H and W.</summary>
    /// <param name="x">Activation in <paramref name="layout"/>; not read if <paramref name="sums"/> are made.</param>
    /// <param name="sums">Channel sums that the convolution computed while it wrote x, if it did.</param>
    public static void Statistics(
        ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> variance, ChannelSums? sums = null)
    {
        var (name, flops, bytes) = StatisticsCost(layout, sums);
        DeviceKernel.Run(name, layout, flops, bytes,
            cpu => StatisticsCpu(cpu, layout, x, mean, variance, sums),
            cuda => BatchNormCuda.Statistics(cuda, layout, x, mean, variance),
            mean, variance);
    }

    /// <summary>
    /// The statistics that a training step needs: mean, inverseStd as in <see cref="InverseStd"/>, and running ← (1 − momentum)·running +
    /// momentum·batch, the variance unbiased by count/(count − 1), as in PyTorch.
    /// </summary>
    /// <param name="x">Activation in <paramref name="layout"/>; not read if <paramref name="sums"/> are made.</param>
    /// <param name="sums">Channel sums that the convolution computed while it wrote x, if it did.</param>
    public static void TrainStatistics(
        ActivationLayout layout, DeviceBuffer<float> x, RunningStatistics running, float epsilon, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd, ChannelSums? sums = null)
    {
        double count = (double)layout.N * layout.H * layout.W, unbias = count > 1 ? count / (count - 1) : 1;
        var (name, flops, bytes) = StatisticsCost(layout, sums);
        DeviceKernel.Run(name, layout, flops, bytes, OnCpu,
            cuda => BatchNormCuda.TrainStatistics(cuda, layout, x, running, (float)unbias, epsilon, mean, inverseStd),
            mean, inverseStd, running.Mean, running.Variance);

        void OnCpu(CpuDevice cpu)
        {
            DeviceBuffer<float> variance = cpu.Pool.Rent(mean.Length, 0);
            StatisticsCpu(cpu, layout, x, mean, variance, sums);
            UpdateRunningCpu(layout.C, unbias, mean, variance, running.Momentum, running.Mean, running.Variance);
            InverseStdCpu(layout.C, variance, epsilon, inverseStd);
            cpu.Pool.Return(variance);
        }
    }

    private static (string Name, double Flops, double Bytes) StatisticsCost(ActivationLayout layout, ChannelSums? sums) =>
        sums is { Made: true }
            ? ("batch_norm.statistics_of_sums", 8.0 * sums.Parts * layout.C, 12.0 * sums.Parts * layout.C)
            : ("batch_norm.statistics", 3.0 * layout.Length, 4.0 * layout.Length);

    private static void StatisticsCpu(
        CpuDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> variance,
        ChannelSums? sums)
    {
        if (sums is { Made: true })
            Cpu.Statistics(device, layout, sums, CpuDevice.Pointer(mean), CpuDevice.Pointer(variance));
        else
            Cpu.Statistics(device, layout, CpuDevice.Pointer(x), CpuDevice.Pointer(mean), CpuDevice.Pointer(variance));
    }

    private static void UpdateRunningCpu(
        int channels, double unbias, DeviceBuffer<float> mean, DeviceBuffer<float> variance, float momentum,
        DeviceBuffer<float> runningMean, DeviceBuffer<float> runningVariance)
    {
        Span<float> m = CpuDevice.Span(runningMean), v = CpuDevice.Span(runningVariance);
        ReadOnlySpan<float> batchMean = CpuDevice.ReadSpan(mean), batchVariance = CpuDevice.ReadSpan(variance);
        for (int c = 0; c < channels; c++)
        {
            m[c] = (float)((1 - (double)momentum) * m[c] + (double)momentum * batchMean[c]);
            v[c] = (float)((1 - (double)momentum) * v[c] + (double)momentum * (batchVariance[c] * unbias));
        }
    }

    /// <summary>inverseStd = 1/√(variance + epsilon) for the first <paramref name="channels"/>, 0 for padding channels.</summary>
    public static void InverseStd(int channels, DeviceBuffer<float> variance, float epsilon, DeviceBuffer<float> inverseStd)
    {
        DeviceKernel.Run("batch_norm.inverse_std", channels, 3.0 * channels, 8.0 * channels,
            _ => InverseStdCpu(channels, variance, epsilon, inverseStd),
            cuda => BatchNormCuda.InverseStd(cuda, channels, variance, epsilon, inverseStd),
            inverseStd);
    }

    private static void InverseStdCpu(int channels, DeviceBuffer<float> variance, float epsilon, DeviceBuffer<float> inverseStd)
    {
        ReadOnlySpan<float> v = CpuDevice.ReadSpan(variance);
        Span<float> s = CpuDevice.Span(inverseStd);
        for (int c = 0; c < s.Length; c++)
            s[c] = c < channels ? (float)(1 / Math.Sqrt(v[c] + (double)epsilon)) : 0;
    }

    /// <summary>y = relu?((x − mean)·inverseStd·gamma + beta + residual).</summary>
    /// <param name="residual">An activation in <paramref name="layout"/>; null for none.</param>
    public static void Forward(
        ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float> gamma,
        DeviceBuffer<float> beta, DeviceBuffer<float>? residual, bool relu, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("batch_norm.forward", layout, 4.0 * layout.Length, (residual is null ? 8.0 : 12.0) * layout.Length,
            cpu => Cpu.Forward(cpu, layout, CpuDevice.Pointer(x), CpuDevice.Pointer(mean), CpuDevice.Pointer(inverseStd),
                CpuDevice.Pointer(gamma), CpuDevice.Pointer(beta), PointerOrNull(residual), relu, CpuDevice.Pointer(y)),
            cuda => BatchNormCuda.Forward(cuda, layout, x, mean, inverseStd, gamma, beta, residual, relu, y),
            y);
    }

    /// <summary>
    /// With dz = dy where y &gt; 0 (or dz = dy without relu): dbeta = Σ dz, dgamma = Σ dz·(x − mean)·inverseStd, and
    /// dx = gamma·inverseStd·(dz − dbeta/M − (x − mean)·inverseStd·dgamma/M), M = N·H·W, for batch statistics;
    /// dx = gamma·inverseStd·dz for fixed ones.
    /// </summary>
    /// <param name="y">The forward output, for the ReLU's mask; null without relu.</param>
    /// <param name="batchStatistics">Whether mean and inverseStd are those of the batch, so that they depend on x.</param>
    /// <param name="dz">Receives dz, the residual's gradient; null if not needed.</param>
    public static void Backward(
        ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float>? y, DeviceBuffer<float> x, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd, DeviceBuffer<float> gamma, bool batchStatistics, DeviceBuffer<float> dx, DeviceBuffer<float> dgamma,
        DeviceBuffer<float> dbeta, DeviceBuffer<float>? dz)
    {
        DeviceKernel.Run("batch_norm.backward", layout, 8.0 * layout.Length, 28.0 * layout.Length,
            cpu => Cpu.Backward(
                cpu, layout, CpuDevice.Pointer(dy), PointerOrNull(y), CpuDevice.Pointer(x), CpuDevice.Pointer(mean),
                CpuDevice.Pointer(inverseStd),
                CpuDevice.Pointer(gamma), batchStatistics, CpuDevice.Pointer(dx), CpuDevice.Pointer(dgamma), CpuDevice.Pointer(dbeta),
                PointerOrNull(dz)),
            cuda => BatchNormCuda.Backward(cuda, layout, dy, y, x, mean, inverseStd, gamma, batchStatistics, dx, dgamma, dbeta, dz),
            dx, dgamma, dbeta, dz);
    }

    private static float* PointerOrNull(DeviceBuffer<float>? buffer) => buffer is null ? null : CpuDevice.Pointer(buffer);
}
