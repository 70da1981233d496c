using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Reduce;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Channels;

/// <summary>A thread owns a quad of channels of some pixels; sums are those of BatchNorm, in two passes.</summary>
internal static class ChannelArithmeticCuda
{
    public static void Affine(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, ChannelValues? scale, ChannelValues? shift, bool relu,
        DeviceBuffer<float> y)
    {
        PixelWork work = new(layout);
        device.Launch(ApplyAffine, work.Config(layout.N), new AffineArguments
        {
            Work = work,
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Scale = new(scale, layout.C),
            Shift = new(shift, layout.C),
            Relu = relu ? 1 : 0,
        });
    }

    public static void PRelu(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, ChannelValues slope, DeviceBuffer<float> y)
    {
        PixelWork work = new(layout);
        device.Launch(ApplyPRelu, work.Config(layout.N), new AffineArguments
        {
            Work = work,
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Scale = new(slope, layout.C),
        });
    }

    public static void Backward(CudaDevice device, ActivationLayout layout, ChannelFormula formula, ChannelGradient p)
    {
        PixelWork work = new(layout);
        PixelSumsArguments operands = new()
        {
            Work = work,
            X = CudaDevice.View(p.X),
            Dy = CudaDevice.View(p.Dy),
            Y = CudaDevice.View(p.Y),
        };
        if (p.Dx is not null)
            device.Launch(formula == ChannelFormula.PRelu ? PReluGradient : AffineGradient, work.Config(layout.N), new GradientArguments
            {
                Operands = operands,
                Dx = CudaDevice.View(p.Dx),
                Scale = new(p.Scale, layout.C),
            });
        if (p.First is null && p.Second is null)
            return;
        DeviceBuffer<float> partial = formula == ChannelFormula.PRelu
            ? PixelSums.Partial<PReluTerms>(device, layout, operands, out _)
            : PixelSums.Partial<AffineTerms>(device, layout, operands, out _);
        Finish(device, layout, partial, 0, p.First);
        Finish(device, layout, partial, 1, p.Second);
        device.Pool.Return(partial);
    }

    /// <summary>The sums of the first or the second term over the pixels of those that share a number.</summary>
    private static void Finish(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> partial, int term, ChannelValues? to)
    {
        if (to is not { } values)
            return;
        int splits = new PixelWork(layout).Splits, images = values.ImageStride == 0 ? 1 : layout.N;
        // One number for all channels is the sum of theirs.
        DeviceBuffer<float>? channels = values.ChannelStride == 0 ? device.Pool.Rent(images * layout.C, 0) : null;
        KernelConfig config = (new Index3D(layout.Block / 4, images, 1), new Index3D(CudaDevice.GroupSize, 1, 1));
        device.Launch(FinishSums, config, new FinishSumsArguments
        {
            Sums = new()
            {
                Partial = CudaDevice.View(partial),
                Parts = images == 1 ? layout.N * splits : splits,
                Quads = layout.Block / 4,
            },
            Values = CudaDevice.View(channels ?? values.Data),
            Channels = layout.C,
            Term = term,
        });
        if (channels is null)
            return;
        ReduceKernels.SumCuda(device, CudaDevice.View(channels), 1, CudaDevice.View(values.Data));
        device.Pool.Return(channels);
    }

    /// <summary>The numbers of channels in a kernel.</summary>
    internal readonly struct DeviceValues(ChannelValues? values, int channels)
    {
        private readonly ArrayView<float> data = CudaDevice.View(values?.Data);
        private readonly int channels = channels, imageStride = values?.ImageStride ?? 0, channelStride = values?.ChannelStride ?? 0;

        public bool IsGiven => data.Length != 0;

        /// <summary>Those of a quad of this group's image; 0 for padding channels.</summary>
        public Float4 Of(int quad)
        {
            int c = 4 * quad;
            return new(At(c), At(c + 1), At(c + 2), At(c + 3));
        }

        private float At(int c) => c < channels ? data[Grid.IdxX * imageStride + c * channelStride] : 0;
    }

    internal struct AffineArguments
    {
        public PixelWork Work;
        public ArrayView<float> X, Y;
        public DeviceValues Scale, Shift;
        public int Relu;
    }

    internal static void ApplyAffine(AffineArguments p)
    {
        PixelWork work = p.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        Float4 scale = p.Scale.IsGiven ? p.Scale.Of(quad) : new(1, 1, 1, 1), shift = p.Shift.IsGiven ? p.Shift.Of(quad) : default;
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            Float4 y = p.X.Cast<Float4>()[at] * scale + shift;
            p.Y.Cast<Float4>()[at] = p.Relu != 0 ? Float4.Rectified(y) : y;
        }
    }

    internal static void ApplyPRelu(AffineArguments p)
    {
        PixelWork work = p.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        Float4 slope = p.Scale.Of(quad);
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            Float4 x = p.X.Cast<Float4>()[at];
            p.Y.Cast<Float4>()[at] = Chosen(x, x, x * slope);
        }
    }

    internal struct GradientArguments
    {
        public PixelSumsArguments Operands;
        public ArrayView<float> Dx;
        public DeviceValues Scale;
    }

    internal static void AffineGradient(GradientArguments p)
    {
        PixelWork work = p.Operands.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        Float4 scale = p.Scale.IsGiven ? p.Scale.Of(quad) : new(1, 1, 1, 1);
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            p.Dx.Cast<Float4>()[at] = Masked(p.Operands, at) * scale;
        }
    }

    internal static void PReluGradient(GradientArguments p)
    {
        PixelWork work = p.Operands.Work;
        int quad = work.Quad;
        if (quad >= work.Quads)
            return;
        Float4 slope = p.Scale.Of(quad);
        int pixels = work.Pixels;
        for (int pixel = work.FirstPixel; pixel < pixels; pixel += work.PixelStep)
        {
            int at = work.At(pixel);
            Float4 dy = p.Operands.Dy.Cast<Float4>()[at];
            p.Dx.Cast<Float4>()[at] = Chosen(p.Operands.X.Cast<Float4>()[at], dy, dy * slope);
        }
    }

    /// <summary>dz·x and dz, dz = dy where y &gt; 0.</summary>
    private readonly struct AffineTerms : IPixelTerms
    {
        public static (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad)
        {
            Float4 dz = Masked(p, at);
            return (p.X.Length == 0 ? default : dz * p.X.Cast<Float4>()[at], dz);
        }
    }

    /// <summary>dy·x where x ≤ 0.</summary>
    private readonly struct PReluTerms : IPixelTerms
    {
        public static (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad)
        {
            Float4 x = p.X.Cast<Float4>()[at], product = p.Dy.Cast<Float4>()[at] * x;
            return (Chosen(x, default, product), default);
        }
    }

    private static Float4 Masked(PixelSumsArguments p, int at)
    {
        Float4 dy = p.Dy.Cast<Float4>()[at];
        return p.Y.Length == 0 ? dy : Float4.WherePositive(p.Y.Cast<Float4>()[at], dy);
    }

    /// <summary><paramref name="above"/> where x &gt; 0, elsewhere <paramref name="below"/>.</summary>
    private static Float4 Chosen(Float4 x, Float4 above, Float4 below) => new(
        x.X > 0 ? above.X : below.X, x.Y > 0 ? above.Y : below.Y, x.Z > 0 ? above.Z : below.Z, x.W > 0 ? above.W : below.W);

    internal struct FinishSumsArguments
    {
        public FinishArguments Sums;
        public ArrayView<float> Values;
        public int Channels, Term;
    }

    /// <summary>A group sums one quad of channels, of all images or of image Grid.IdxY.</summary>
    internal static void FinishSums(FinishSumsArguments p)
    {
        (Float4 first, Float4 second) = PixelSums.Finish(p.Sums);
        if (Group.IdxX != 0)
            return;
        Float4 sum = p.Term == 0 ? first : second;
        int c = 4 * Grid.IdxX, at = Grid.IdxY * p.Channels + c;
        p.Values[at] = sum.X;
        if (c + 1 < p.Channels)
            p.Values[at + 1] = sum.Y;
        if (c + 2 < p.Channels)
            p.Values[at + 2] = sum.Z;
        if (c + 3 < p.Channels)
            p.Values[at + 3] = sum.W;
    }
}
