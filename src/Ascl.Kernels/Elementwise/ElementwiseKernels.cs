using System.Runtime.CompilerServices;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Elementwise;

/// <summary>
/// An elementwise formula of one or two values. If it maps 0 to 0 it may run over an activation's whole buffer, because the border stays
/// zero.
/// </summary>
public interface IFormula
{
    /// <summary>The formula, lane by lane.</summary>
    /// <param name="scale">The call's scalar in every lane; formulas may ignore it, and b.</param>
    static abstract F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F>;
}

/// <summary>Elementwise formulas over whole buffers of equal length. Outputs may be inputs.</summary>
public static partial class ElementwiseKernels
{
    /// <summary>y = max(0, x).</summary>
    public static void Relu(DeviceBuffer<float> x, DeviceBuffer<float> y) => Run<ReluFormula>("relu", x, x, 0, y);

    /// <summary>dx = dy where y &gt; 0, else 0.</summary>
    public static void ReluBackward(DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) =>
        Run<GateFormula>("relu.backward", y, dy, 0, dx);

    /// <summary>y = min(x, limit).</summary>
    public static void Limit(DeviceBuffer<float> x, float limit, DeviceBuffer<float> y) => Run<LimitFormula>("limit", x, x, limit, y);

    /// <summary>dx = dy where 0 &lt; y &lt; limit, else 0: the gradient of y = min(max(0, x), limit).</summary>
    public static void LimitedReluBackward(DeviceBuffer<float> dy, DeviceBuffer<float> y, float limit, DeviceBuffer<float> dx) =>
        Run<LimitedGateFormula>("limited_relu.backward", y, dy, limit, dx);

    /// <summary>y = a + b.</summary>
    public static void Add(DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> y) => Run<AddScaledFormula>("add", a, b, 1, y);

    /// <summary>y = a + scale·b.</summary>
    public static void AddScaled(DeviceBuffer<float> a, DeviceBuffer<float> b, float scale, DeviceBuffer<float> y) =>
        Run<AddScaledFormula>("add_scaled", a, b, scale, y);

    /// <summary>y = scale·x.</summary>
    public static void Scale(DeviceBuffer<float> x, float scale, DeviceBuffer<float> y) => Run<ScaleFormula>("scale", x, x, scale, y);

    /// <summary>y = a + share·(b − a).</summary>
    public static void Interpolate(DeviceBuffer<float> a, DeviceBuffer<float> b, float share, DeviceBuffer<float> y) =>
        Run<InterpolateFormula>("interpolate", a, b, share, y);

    /// <summary>y = a·b.</summary>
    public static void Multiply(DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> y) =>
        Run<MultiplyFormula>("multiply", a, b, 0, y);

    /// <summary>y = |x|.</summary>
    public static void Abs(DeviceBuffer<float> x, DeviceBuffer<float> y) => Run<AbsFormula>("abs", x, x, 0, y);

    /// <summary>dx = dy·sign x, 0 at 0.</summary>
    public static void AbsBackward(DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx) =>
        Run<TimesSignFormula>("abs.backward", dy, x, 0, dx);

    /// <summary>y = exp x.</summary>
    public static void Exp(DeviceBuffer<float> x, DeviceBuffer<float> y) => Run<ExpFormula>("exp", x, x, 0, y);

    /// <summary>Sets every element of y to scale·value[0], or to scale if there is no value.</summary>
    /// <param name="value">[1] or null.</param>
    public static void Fill(DeviceBuffer<float>? value, float scale, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("elementwise.fill", y.Length, 0, 4.0 * y.Length,
            _ => CpuDevice.Span(y).Fill(value is null ? scale : CpuDevice.ReadSpan(value)[0] * scale),
            cuda => FillCuda(cuda, value, scale, y),
            y);
    }

    /// <summary>Copies <paramref name="length"/> values from one buffer to another on the same device.</summary>
    public static void Copy<T>(DeviceBuffer<T> from, int fromStart, DeviceBuffer<T> to, int toStart, int length) where T : unmanaged
    {
        DeviceKernel.Run("elementwise.copy", length, 0, 2.0 * Unsafe.SizeOf<T>() * length,
            _ => CpuDevice.ReadSpan(from).Slice(fromStart, length).CopyTo(CpuDevice.Span(to)[toStart..]),
            cuda => cuda.Copy(CudaDevice.View(from).SubView(fromStart, length), CudaDevice.View(to).SubView(toStart, length)),
            to);
    }

    private static void Run<TFormula>(string name, DeviceBuffer<float> a, DeviceBuffer<float> b, float scale, DeviceBuffer<float> y)
        where TFormula : struct, IFormula
    {
        if (a.Length != y.Length || b.Length != y.Length)
            throw new ShapeException($"{name}: lengths {a.Length}, {b.Length} and {y.Length} differ");
        DeviceKernel.Run($"elementwise.{name}", y.Length, y.Length, 12.0 * y.Length,
            cpu => RunCpu<TFormula>(cpu, a, b, scale, y),
            cuda => RunCuda<TFormula>(cuda, a, b, scale, y),
            y);
    }

    private readonly struct ReluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.Max(F.Zero, a);
    }

    private readonly struct GateFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.WherePositive(a, b);
    }

    private readonly struct LimitFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.Min(scale, a);
    }

    private readonly struct LimitedGateFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> =>
            F.WherePositive(a, F.WherePositive(scale - a, b));
    }

    private readonly struct AddScaledFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.MulAdd(scale, b, a);
    }

    private readonly struct ScaleFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => scale * a;
    }

    private readonly struct InterpolateFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.MulAdd(scale, b - a, a);
    }

    private readonly struct MultiplyFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * b;
    }

    private readonly struct AbsFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.Abs(a);
    }

    private readonly struct TimesSignFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => F.TimesSign(a, b);
    }

    private readonly struct ExpFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => Exponential.Of(a);
    }
}
