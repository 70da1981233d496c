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
/// <param name="epilogue">What to do.</param>
/// <param name="y">The output.</param>
/// <param name="streamed">Whether to write past the caches, for outputs larger than them.</param>
internal readonly unsafe struct WinogradOutput(Conv2dEpilogue epilogue, float* y, bool streamed)
{
    public bool Streamed { get; } = streamed;
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
    static abstract void Store<F>(F value, float* target) where F : struct, ISimd<F>;
}

internal readonly unsafe struct ThroughCaches : IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<F>(F value, float* target) where F : struct, ISimd<F> => value.Store(target);
}

internal readonly unsafe struct PastCaches : IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<F>(F value, float* target) where F : struct, ISimd<F> => value.StoreNonTemporal(target);
}

/// <summary>What becomes of an output vector before it is stored.</summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradOutput<F> where F : struct, ISimd<F>
{
    /// <param name="value">The convolution's result.</param>
    /// <param name="target">Where it goes.</param>
    void Store(F value, float* target);
}

internal readonly unsafe struct PlainOutput<F, TStore> : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => TStore.Store(value, target);
}

internal readonly unsafe struct BiasOutput<F, TStore>(F bias, F low) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => TStore.Store(F.Max(low, value + bias), target);
}

internal readonly unsafe struct ResidualOutput<F, TStore>(F bias, F low, nint residual) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => TStore.Store(F.Max(low, value + bias + F.Load(target + residual)), target);
}

internal readonly unsafe struct GatedOutput<F, TStore>(F bias, F low, nint gate) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias)), target);
}

internal readonly unsafe struct GatedResidualOutput<F, TStore>(F bias, F low, nint residual, nint gate) : IWinogradOutput<F> where F : struct, ISimd<F> where TStore : struct, IStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(F value, float* target) => TStore.Store(F.WherePositive(F.Load(target + gate), F.Max(low, value + bias + F.Load(target + residual))), target);
}
