using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>The parts of an epilogue that need code of their own.</summary>
internal enum OutputParts
{
    None,

    /// <summary>Bias or relu.</summary>
    Bias,
    Residual,
    Gate,
    GateAndResidual,

}

/// <summary>An epilogue as a transform applies it: residual and gate lie at a fixed distance from the output.</summary>
internal readonly unsafe struct WinogradOutput
{
    /// <param name="device">Lends the memory of sums.</param>
    /// <param name="epilogue">What to do.</param>
    /// <param name="y">The output.</param>
    /// <param name="channels">Of whole blocks.</param>
    /// <param name="parts">For which sums are kept apart.</param>
    /// <param name="streamed">Whether to write past the caches, for outputs larger than them.</param>
    public WinogradOutput(CpuDevice device, Conv2dEpilogue epilogue, float* y, int channels, int parts, bool streamed)
    {
        (Streamed, Relu) = (streamed, epilogue.Relu);
        Bias = epilogue.Bias is null ? null : CpuDevice.Pointer(epilogue.Bias);
        Residual = epilogue.Residual is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Residual) - y);
        Gate = epilogue.Gate is null ? 0 : (nint)(CpuDevice.Pointer(epilogue.Gate) - y);
        Parts = epilogue.Gate is not null ? epilogue.Residual is not null ? OutputParts.GateAndResidual : OutputParts.Gate
            : epilogue.Residual is not null ? OutputParts.Residual
            : epilogue.IsNone ? OutputParts.None : OutputParts.Bias;
        if (epilogue.Sums is not { } sums || Parts != OutputParts.None)
            return;
        Sums = sums.Begin(device, parts, channels);
        (PartStride, Channels) = (sums.PartStride, channels);
    }

    public OutputParts Parts { get; }
    public bool Streamed { get; }
    public bool Relu { get; }
    public float* Bias { get; }
    public nint Residual { get; }
    public nint Gate { get; }

    /// <summary>See <see cref="ChannelSums.Values"/>; null without.</summary>
    public float* Sums { get; }
    public int PartStride { get; }
    public int Channels { get; }
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

/// <summary>What becomes of an output vector before it is stored, and the sums of what was. They pass through as values: the JIT keeps them in registers
/// where it would not keep fields.</summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradOutput<F> where F : struct, ISimd<F>
{
    /// <param name="value">The convolution's result.</param>
    /// <param name="target">Where it goes.</param>
    /// <returns>What was stored.</returns>
    F Store(F value, float* target);

    /// <summary>The first sum with what was stored.</summary>
    F First(F sum, F stored);

    /// <summary>The second sum with it.</summary>
    F Second(F sum, F stored);

    /// <summary>Adds the sums to their place in memory.</summary>
    void Finish(F first, F second);
}

internal readonly unsafe struct PlainOutput<F, TStore> : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(value, target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct BiasOutput<F, TStore>(F bias, F low) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(F.Max(low, value + bias), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct ResidualOutput<F, TStore>(F bias, F low, nint residual) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(F.Max(low, value + bias + F.Load(target + residual)), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct GatedOutput<F, TStore>(F bias, F low, nint gate) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias)), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

internal readonly unsafe struct GatedResidualOutput<F, TStore>(F bias, F low, nint residual, nint gate) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias + F.Load(target + residual))), target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => sum;
    public void Finish(F first, F second) { }
}

/// <summary>With the sums of a result.</summary>
/// <param name="output">What else becomes of it.</param>
/// <param name="shift">Near the values.</param>
/// <param name="sums">Of this part and block.</param>
/// <param name="channels">From the first sum to the second.</param>
internal readonly unsafe struct StatisticsOutput<F, TOutput>(TOutput output, F shift, float* sums, nint channels) : IWinogradOutput<F> where F : struct, ISimd<F> where TOutput : struct, IWinogradOutput<F>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Store(F value, float* target) => output.Store(value, target);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F First(F sum, F stored) => sum + (stored - shift);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public F Second(F sum, F stored) => F.MulAdd(stored - shift, stored - shift, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Finish(F first, F second)
    {
        (F.Load(sums) + first).Store(sums);
        (F.Load(sums + channels) + second).Store(sums + channels);
    }
}
