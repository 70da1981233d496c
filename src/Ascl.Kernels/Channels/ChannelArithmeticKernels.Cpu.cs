using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Channels;

internal abstract unsafe class ChannelArithmeticCpu
{
    public abstract void Forward(
        CpuDevice device, ActivationLayout layout, ChannelFormula formula, float* x, ChannelValues? scale, ChannelValues? shift, float* y);
    public abstract void Backward(CpuDevice device, ActivationLayout layout, ChannelFormula formula, ChannelGradient p);
}

/// <summary>
/// A lane is a channel; a work item is one channel block of one image. Sums are in float within a plane, then in double over the images
/// and channels in order.
/// </summary>
internal sealed unsafe class ChannelArithmeticCpu<F> : ChannelArithmeticCpu where F : struct, ISimd<F>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining, Optimized = MethodImplOptions.AggressiveOptimization;

    /// <summary>A formula of a pixel and two numbers of its channel.</summary>
    private interface IFormula
    {
        static abstract F Value(F x, F a, F b);

        /// <summary>The gradient with respect to the formula before its ReLU.</summary>
        static abstract F Masked(F dy, float* y, nint at);
        static abstract F Dx(F dz, F x, F a);

        /// <summary>The term of the gradient with respect to a.</summary>
        static abstract F Term(F dz, F x);
    }

    private readonly struct Affine : IFormula
    {
        [MethodImpl(Inline)] public static F Value(F x, F a, F b) => F.MulAdd(x, a, b);
        [MethodImpl(Inline)] public static F Masked(F dy, float* y, nint at) => dy;
        [MethodImpl(Inline)] public static F Dx(F dz, F x, F a) => dz * a;
        [MethodImpl(Inline)] public static F Term(F dz, F x) => dz * x;
    }

    private readonly struct AffineRelu : IFormula
    {
        [MethodImpl(Inline)] public static F Value(F x, F a, F b) => F.Max(F.Zero, F.MulAdd(x, a, b));
        [MethodImpl(Inline)] public static F Masked(F dy, float* y, nint at) => F.WherePositive(F.Load(y + at), dy);
        [MethodImpl(Inline)] public static F Dx(F dz, F x, F a) => dz * a;
        [MethodImpl(Inline)] public static F Term(F dz, F x) => dz * x;
    }

    private readonly struct PRelu : IFormula
    {
        [MethodImpl(Inline)] public static F Value(F x, F a, F b) => F.MulAdd(a, F.Min(F.Zero, x), F.Max(F.Zero, x));
        [MethodImpl(Inline)] public static F Masked(F dy, float* y, nint at) => dy;

        [MethodImpl(Inline)]
        public static F Dx(F dz, F x, F a)
        {
            F above = F.WherePositive(x, dz);
            return F.MulAdd(a, dz - above, above);
        }

        [MethodImpl(Inline)] public static F Term(F dz, F x) => dz * F.Min(F.Zero, x);
    }

    public override void Forward(
        CpuDevice device, ActivationLayout layout, ChannelFormula formula, float* x, ChannelValues? scale, ChannelValues? shift, float* y)
    {
        PlaneView view = new(layout, x);
        device.For(layout.N * layout.Blocks, (item, _) =>
        {
            int n = item / layout.Blocks, block = item % layout.Blocks;
            F a = scale is { } s ? Lanes(s, layout, n, block) : F.Broadcast(1), b = shift is { } t ? Lanes(t, layout, n, block) : F.Zero;
            nint at = (nint)(view.First - x) + item * view.Plane;
            switch (formula)
            {
                case ChannelFormula.Affine:
                    ForwardPlane<Affine>(layout, view.Row, x + at, y + at, a, b);
                    break;
                case ChannelFormula.AffineRelu:
                    ForwardPlane<AffineRelu>(layout, view.Row, x + at, y + at, a, b);
                    break;
                default:
                    ForwardPlane<PRelu>(layout, view.Row, x + at, y + at, a, b);
                    break;
            }
        });
    }

    [MethodImpl(Optimized)]
    private static void ForwardPlane<TFormula>(ActivationLayout layout, nint row, float* x, float* y, F a, F b)
        where TFormula : struct, IFormula
    {
        for (int i = 0; i < layout.H; i++, x += row, y += row)
            for (nint j = 0; j < (nint)layout.W * F.Width; j += F.Width)
                TFormula.Value(F.Load(x + j), a, b).Store(y + j);
    }

    public override void Backward(CpuDevice device, ActivationLayout layout, ChannelFormula formula, ChannelGradient p)
    {
        float* dy = CpuDevice.Pointer(p.Dy), y = PointerOrNull(p.Y), x = PointerOrNull(p.X), dx = PointerOrNull(p.Dx);
        PlaneView view = new(layout, dy);
        int channels = layout.Blocks * layout.Block;
        bool sums = p.First is not null || p.Second is not null;
        DeviceBuffer<float>? partial = sums ? device.Pool.Rent(2 * layout.N * channels, 0) : null;
        float* first = PointerOrNull(partial), second = sums ? first + layout.N * channels : null;
        device.For(layout.N * layout.Blocks, (item, _) =>
        {
            int n = item / layout.Blocks, block = item % layout.Blocks;
            F a = p.Scale is { } s ? Lanes(s, layout, n, block) : F.Broadcast(1);
            nint at = (nint)(view.First - dy) + item * view.Plane, sum = item * F.Width;
            switch (formula)
            {
                case ChannelFormula.Affine:
                    BackwardPlane<Affine>(at, sum, a);
                    break;
                case ChannelFormula.AffineRelu:
                    BackwardPlane<AffineRelu>(at, sum, a);
                    break;
                default:
                    BackwardPlane<PRelu>(at, sum, a);
                    break;
            }
        });
        if (p.First is { } toFirst)
            Reduce(layout, first, toFirst);
        if (p.Second is { } toSecond)
            Reduce(layout, second, toSecond);
        if (partial is not null)
            device.Pool.Return(partial);

        void BackwardPlane<TFormula>(nint at, nint sum, F a) where TFormula : struct, IFormula
        {
            if (dx != null)
                GradientPlane<TFormula>(layout, view.Row, dy + at, y == null ? null : y + at, x == null ? null : x + at, dx + at, a);
            if (sums)
                SumPlane<TFormula>(layout, view.Row, dy + at, y == null ? null : y + at, x == null ? null : x + at, first + sum,
                    second + sum);
        }
    }

    [MethodImpl(Optimized)]
    private static void GradientPlane<TFormula>(ActivationLayout layout, nint row, float* dy, float* y, float* x, float* dx, F a)
        where TFormula : struct, IFormula
    {
        // Only PReLU's gradient depends on x.
        bool reads = typeof(TFormula) == typeof(PRelu);
        for (int i = 0; i < layout.H; i++)
            for (nint j = i * row; j < i * row + (nint)layout.W * F.Width; j += F.Width)
                TFormula.Dx(TFormula.Masked(F.Load(dy + j), y, j), reads ? F.Load(x + j) : F.Zero, a).Store(dx + j);
    }

    [MethodImpl(Optimized)]
    private static void SumPlane<TFormula>(
        ActivationLayout layout, nint row, float* dy, float* y, float* x, float* first, float* second) where TFormula : struct, IFormula
    {
        // Two sums of each, so that an addition need not wait for the one before.
        F t0 = F.Zero, t1 = F.Zero, s0 = F.Zero, s1 = F.Zero;
        for (int i = 0; i < layout.H; i++)
        {
            nint j = i * row, end = j + (nint)layout.W * F.Width;
            for (; j + F.Width < end; j += 2 * F.Width)
            {
                F u = TFormula.Masked(F.Load(dy + j), y, j), v = TFormula.Masked(F.Load(dy + j + F.Width), y, j + F.Width);
                s0 += u;
                s1 += v;
                if (x != null)
                {
                    t0 += TFormula.Term(u, F.Load(x + j));
                    t1 += TFormula.Term(v, F.Load(x + j + F.Width));
                }
            }
            if (j < end)
            {
                F u = TFormula.Masked(F.Load(dy + j), y, j);
                s0 += u;
                if (x != null)
                    t0 += TFormula.Term(u, F.Load(x + j));
            }
        }
        (t0 + t1).Store(first);
        (s0 + s1).Store(second);
    }

    /// <summary>The sums of planes, [N][channels with padding], over those that share a number.</summary>
    private static void Reduce(ActivationLayout layout, float* planes, ChannelValues to)
    {
        float* result = CpuDevice.Pointer(to.Data);
        int channels = layout.Blocks * layout.Block, images = to.ImageStride == 0 ? 1 : layout.N;
        int values = to.ChannelStride == 0 ? 1 : layout.C;
        for (int n = 0; n < images; n++)
            for (int c = 0; c < values; c++)
            {
                double sum = 0;
                for (int m = n; m < (images == 1 ? layout.N : n + 1); m++)
                    for (int k = c; k < (values == 1 ? layout.C : c + 1); k++)
                        sum += planes[(nint)m * channels + k];
                result[(nint)n * to.ImageStride + c * to.ChannelStride] = (float)sum;
            }
    }

    /// <summary>The numbers of a block's channels; 0 for padding channels.</summary>
    private static F Lanes(ChannelValues values, ActivationLayout layout, int n, int block)
    {
        float* from = CpuDevice.Pointer(values.Data) + (nint)n * values.ImageStride, lanes = stackalloc float[16];
        for (int lane = 0; lane < F.Width; lane++)
            lanes[lane] = block * F.Width + lane < layout.C ? from[(block * F.Width + lane) * values.ChannelStride] : 0;
        return F.Load(lanes);
    }

    private static float* PointerOrNull(DeviceBuffer<float>? buffer) => buffer is null ? null : CpuDevice.Pointer(buffer);
}
