using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>The parts of an epilogue that a store is specialised for.</summary>
internal enum OutputParts
{
    None,

    /// <summary>Bias or relu.</summary>
    Bias,
    Residual,
    Gate,
    GateAndResidual,

}

/// <summary>An epilogue in the form a transform applies: residual and gate are at a fixed offset from the output.</summary>
/// <param name="epilogue">The epilogue.</param>
/// <param name="y">The output.</param>
/// <param name="streamed">Whether to use non-temporal stores, for outputs larger than the caches.</param>
/// <param name="sums">The sums to compute, already begun; null for none.</param>
internal readonly unsafe struct WinogradOutput(Conv2dEpilogue epilogue, float* y, bool streamed, ChannelSums? sums)
{
    public bool Streamed { get; } = streamed;
    public ChannelSums? Sums { get; } = sums is { Made: true } ? sums : null;
    public bool Relu { get; } = epilogue.Relu;
    public float* Bias { get; } = epilogue.Bias is null ? null : CpuDevice.Pointer(epilogue.Bias);
    public nint Residual { get; } = epilogue.Residual is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Residual) - y);
    public nint Gate { get; } = epilogue.Gate is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Gate) - y);

    public OutputParts Parts { get; } =
        epilogue.Gate is not null ? epilogue.Residual is not null ? OutputParts.GateAndResidual : OutputParts.Gate
        : epilogue.Residual is not null ? OutputParts.Residual
        : epilogue.IsNone ? OutputParts.None : OutputParts.Bias;
}

/// <summary>How a vector is written.</summary>
internal unsafe interface IStore
{
    /// <returns>The vector.</returns>
    static abstract F Store<F>(F value, float* target) where F : struct, ISimd<F>;
}

internal readonly unsafe struct ThroughCaches : IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Store<F>(F value, float* target) where F : struct, ISimd<F>
    {
        value.Store(target);
        return value;
    }
}

internal readonly unsafe struct PastCaches : IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Store<F>(F value, float* target) where F : struct, ISimd<F>
    {
        value.StoreNonTemporal(target);
        return value;
    }
}

/// <summary>
/// Applies the epilogue to an output vector before the store, and accumulates sums. The sums are passed by value, because the JIT keeps
/// values in registers but not fields.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradOutput<F> where F : struct, ISimd<F>
{
    /// <param name="value">The convolution's result.</param>
    /// <param name="target">The address to store at.</param>
    /// <returns>The stored vector.</returns>
    F Store(F value, float* target);

    /// <summary>The first sum plus a stored vector.</summary>
    F First(F sum, F stored);

    /// <summary>The second sum plus a stored vector.</summary>
    F Second(F sum, F stored);

    /// <summary>Adds the sums to those in memory.</summary>
    void Finish(F first, F second);
}

internal readonly unsafe struct PlainOutput<F, TStore> : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(value, target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct BiasOutput<F, TStore>(F bias, F low) : IWinogradOutput<F>
    where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public F Store(F value, float* target) =>
        TStore.Store(F.Max(low, value + bias), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct ResidualOutput<F, TStore>(F bias, F low, nint residual) : IWinogradOutput<F>
    where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public F Store(F value, float* target) =>
        TStore.Store(F.Max(low, value + bias + F.Load(target + residual)), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct GatedOutput<F, TStore>(F bias, F low, nint gate) : IWinogradOutput<F>
    where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public F Store(F value, float* target) =>
        TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias)), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct GatedResidualOutput<F, TStore>(F bias, F low, nint residual, nint gate) : IWinogradOutput<F>
    where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public F Store(F value, float* target) =>
        TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias + F.Load(target + residual))), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

/// <summary>A store that also accumulates the sums.</summary>
/// <param name="shift">Near the values.</param>
/// <param name="sums">Of this part and block.</param>
/// <param name="channels">From the first sum to the second.</param>
internal readonly unsafe struct StatisticsOutput<F, TStore>(F shift, float* sums, nint channels) : IWinogradOutput<F>
    where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(value, target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum + (stored - shift);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => F.MulAdd(stored - shift, stored - shift, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Finish(F first, F second)
    {
        (F.Load(sums) + first).Store(sums);
        (F.Load(sums + channels) + second).Store(sums + channels);
    }
}
