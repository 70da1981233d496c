using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Algorithms;

namespace Ascl.Kernels.BatchNorm;

/// <summary>Statistics take one pass over the activation, the gradient two (sums, then values), the forward pass one.</summary>
internal static class BatchNormCuda
{
    public static void Statistics(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> variance) =>
        Statistics(device, layout, x, new StatisticsArguments { Mean = CudaDevice.View(mean), Variance = CudaDevice.View(variance) });

    public static void TrainStatistics(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, RunningStatistics running, float unbias, float epsilon,
        DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd) =>
        Statistics(device, layout, x, new StatisticsArguments
        {
            Mean = CudaDevice.View(mean),
            InverseStd = CudaDevice.View(inverseStd),
            RunningMean = CudaDevice.View(running.Mean),
            RunningVariance = CudaDevice.View(running.Variance),
            Momentum = running.Momentum,
            Unbias = unbias,
            Epsilon = epsilon,
        });

    /// <param name="results">The output buffers: the variance, or what training derives from it.</param>
    private static void Statistics(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, StatisticsArguments results)
    {
        PixelWork work = new(layout);
        DeviceBuffer<float> partial = PixelSums.Partial<DeviationTerms>(device, layout, new() { Work = work, X = CudaDevice.View(x) },
            out int parts);
        device.Launch(FinishStatistics, (layout.Block / 4, CudaDevice.GroupSize), results with
        {
            Sums = new() { Partial = CudaDevice.View(partial), Parts = parts, Quads = layout.Block / 4 },
            X = CudaDevice.View(x),
            Origin = work.Places.First,
            Channels = layout.C,
            Share = 1f / ((float)layout.N * layout.H * layout.W),
        });
        device.Pool.Return(partial);
    }

    public static void InverseStd(
        CudaDevice device, int channels, DeviceBuffer<float> variance, float epsilon, DeviceBuffer<float> inverseStd) =>
        device.Launch(InverseOfRoot, (CudaDevice.Groups(inverseStd.Length), CudaDevice.GroupSize), new RootArguments
        {
            Variance = CudaDevice.View(variance),
            InverseStd = CudaDevice.View(inverseStd),
            Channels = channels,
            Epsilon = epsilon,
        });

    public static void Forward(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd,
        DeviceBuffer<float> gamma, DeviceBuffer<float> beta, DeviceBuffer<float>? residual, bool relu, DeviceBuffer<float> y)
    {
        PixelWork work = new(layout);
        device.Launch(Apply, work.Config(layout.N), new ForwardArguments
        {
            Work = work,
            X = CudaDevice.View(x),
            Mean = CudaDevice.View(mean),
            InverseStd = CudaDevice.View(inverseStd),
            Gamma = CudaDevice.View(gamma),
            Beta = CudaDevice.View(beta),
            Residual = CudaDevice.View(residual),
            Y = CudaDevice.View(y),
            Relu = relu ? 1 : 0,
        });
    }

    public static void Backward(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float>? y, DeviceBuffer<float> x,
        DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float> gamma, bool batchStatistics, DeviceBuffer<float> dx,
        DeviceBuffer<float> dgamma, DeviceBuffer<float> dbeta, DeviceBuffer<float>? dz)
    {
        PixelWork work = new(layout);
        PixelSumsArguments operands = new()
        {
            Work = work,
            X = CudaDevice.View(x),
            Dy = CudaDevice.View(dy),
            Y = CudaDevice.View(y),
            Mean = CudaDevice.View(mean),
            InverseStd = CudaDevice.View(inverseStd),
        };
        DeviceBuffer<float> partial = PixelSums.Partial<GradientTerms>(device, layout, operands, out int parts);
        device.Launch(FinishGradient, (layout.Block / 4, CudaDevice.GroupSize), new GradientArguments
        {
            Sums = new() { Partial = CudaDevice.View(partial), Parts = parts, Quads = layout.Block / 4 },
            Dgamma = CudaDevice.View(dgamma),
            Dbeta = CudaDevice.View(dbeta),
        });
        device.Pool.Return(partial);
        device.Launch(ApplyGradient, work.Config(layout.N), new BackwardArguments
        {
            Operands = operands,
            Gamma = CudaDevice.View(gamma),
            Dgamma = CudaDevice.View(dgamma),
            Dbeta = CudaDevice.View(dbeta),
            Dx = CudaDevice.View(dx),
            Dz = CudaDevice.View(dz),
            Share = batchStatistics ? 1f / ((float)layout.N * layout.H * layout.W) : 0,
        });
    }

    /// <summary>x − x₀ and its square, with x₀ the channel's first pixel, so that a mean far from zero costs no precision.</summary>
    private readonly struct DeviationTerms : IPixelTerms
    {
        public static (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad)
        {
            var x = p.X.Cast<Float4>();
            Float4 deviation = x[at] - x[p.Work.Places.First + quad];
            return (deviation, deviation * deviation);
        }
    }

    /// <summary>dz and dz·(x − mean)·inverseStd, dz = dy where y &gt; 0.</summary>
    private readonly struct GradientTerms : IPixelTerms
    {
        public static (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad)
        {
            Float4 dz = Gated(p, at);
            return (dz, dz * Normalized(p, at, quad));
        }
    }

    private static Float4 Gated(PixelSumsArguments p, int at)
    {
        Float4 dy = p.Dy.Cast<Float4>()[at];
        return p.Y.Length == 0 ? dy : Float4.WherePositive(p.Y.Cast<Float4>()[at], dy);
    }

    private static Float4 Normalized(PixelSumsArguments p, int at, int quad) =>
        (p.X.Cast<Float4>()[at] - Float4.LoadPart(p.Mean, quad)) * p.InverseStd.Cast<Float4>()[quad];

    internal struct StatisticsArguments
    {
        public FinishArguments Sums;

        /// <summary>Views of outputs that are not needed have length 0.</summary>
        public ArrayView<float> X, Mean, Variance, InverseStd, RunningMean, RunningVariance;
        public int Origin, Channels;
        public float Share, Momentum, Unbias, Epsilon;
    }

    internal static void FinishStatistics(StatisticsArguments p)
    {
        (Float4 sum, Float4 squares) = PixelSums.Finish(p.Sums);
        if (Group.IdxX != 0)
            return;
        int quad = Grid.IdxX;
        Float4 offset = sum * p.Share, mean = p.X.Cast<Float4>()[p.Origin + quad] + offset;
        Float4 variance = squares * p.Share - offset * offset;
        variance = Float4.WherePositive(variance, variance);
        p.Mean.Cast<Float4>()[quad] = mean;
        if (p.Variance.Length != 0)
            p.Variance.Cast<Float4>()[quad] = variance;
        if (p.InverseStd.Length == 0)
            return;
        int c = 4 * quad;
        p.InverseStd.Cast<Float4>()[quad] = new(
            InverseOfRoot(variance.X, c, p.Channels, p.Epsilon), InverseOfRoot(variance.Y, c + 1, p.Channels, p.Epsilon),
            InverseOfRoot(variance.Z, c + 2, p.Channels, p.Epsilon), InverseOfRoot(variance.W, c + 3, p.Channels, p.Epsilon));
        Float4 runningMean = Float4.LoadPart(p.RunningMean, quad), runningVariance = Float4.LoadPart(p.RunningVariance, quad);
        Float4.StorePart(p.RunningMean, quad, runningMean + (mean - runningMean) * p.Momentum);
        Float4.StorePart(p.RunningVariance, quad, runningVariance + (variance * p.Unbias - runningVariance) * p.Momentum);
    }

    /// <summary>0 for a padding channel.</summary>
    private static float InverseOfRoot(float variance, int channel, int channels, float epsilon) =>
        channel < channels ? 1 / XMath.Sqrt(variance + epsilon) : 0;

    internal struct RootArguments
    {
        public ArrayView<float> Variance, InverseStd;
        public int Channels;
        public float Epsilon;
    }

    internal static void InverseOfRoot(RootArguments p)
    {
        int c = Grid.GlobalIndex.X;
        if (c < p.InverseStd.IntLength)
            p.InverseStd[c] = c < p.Channels ? InverseOfRoot(p.Variance[c], c, p.Channels, p.Epsilon) : 0;
    }

    internal struct ForwardArguments
    {
        public PixelWork Work;
        public ArrayView<float> X, Mean, InverseStd, Gamma, Beta, Residual, Y;
        public int Relu;
    }

    internal static void Apply(ForwardArguments p)
    {
        PixelWork work = p.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        // y = x·scale + shift, as in folded layers.
        Float4 scale = Float4.LoadPart(p.Gamma, quad) * p.InverseStd.Cast<Float4>()[quad], mean = Float4.LoadPart(p.Mean, quad);
        Float4 beta = Float4.LoadPart(p.Beta, quad);
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            Float4 y = (p.X.Cast<Float4>()[at] - mean) * scale + beta;
            if (p.Residual.Length != 0)
                y += p.Residual.Cast<Float4>()[at];
            p.Y.Cast<Float4>()[at] = p.Relu != 0 ? Float4.Rectified(y) : y;
        }
    }

    internal struct GradientArguments
    {
        public FinishArguments Sums;
        public ArrayView<float> Dgamma, Dbeta;
    }

    internal static void FinishGradient(GradientArguments p)
    {
        (Float4 sum, Float4 product) = PixelSums.Finish(p.Sums);
        if (Group.IdxX != 0)
            return;
        Float4.StorePart(p.Dbeta, Grid.IdxX, sum);
        Float4.StorePart(p.Dgamma, Grid.IdxX, product);
    }

    internal struct BackwardArguments
    {
        public PixelSumsArguments Operands;
        public ArrayView<float> Gamma, Dgamma, Dbeta, Dx, Dz;

        /// <summary>1/M, or 0 for fixed statistics.</summary>
        public float Share;
    }

    internal static void ApplyGradient(BackwardArguments p)
    {
        PixelWork work = p.Operands.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        Float4 scale = Float4.LoadPart(p.Gamma, quad) * p.Operands.InverseStd.Cast<Float4>()[quad];
        Float4 meanOfDz = Float4.LoadPart(p.Dbeta, quad) * p.Share, meanOfProduct = Float4.LoadPart(p.Dgamma, quad) * p.Share;
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            Float4 dz = Gated(p.Operands, at), dx = dz;
            if (p.Share != 0)
                dx = dz - meanOfDz - Normalized(p.Operands, at, quad) * meanOfProduct;
            p.Dx.Cast<Float4>()[at] = dx * scale;
            if (p.Dz.Length != 0)
                p.Dz.Cast<Float4>()[at] = dz;
        }
    }
}
