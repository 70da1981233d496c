using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ascl.Kernels.Simd;

/// <summary>
/// The vector width of this process's CPU kernels, chosen once at start: the widest that the machine and the variables DOTNET_EnableAVX512
/// and DOTNET_EnableAVX2 allow. It is also the width of an activation's channel block.
/// </summary>
public static class SimdWidth
{
    /// <summary>Floats per vector: 16, 8 or 4.</summary>
    public static readonly int Current =
        Vector512.IsHardwareAccelerated ? 16 :
        Vector256.IsHardwareAccelerated && Fma.IsSupported ? 8 : 4;

    /// <summary>The instruction set in use, for users.</summary>
    public static string InstructionSet => Current switch
    {
        16 => "AVX-512",
        8 => "AVX2 + FMA",
        _ => Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vectors",
    };

    /// <summary>A kernel family's implementation for this process's width. Each family keeps the result in a static field.</summary>
    public static TKernel Choose<TKernel>(Func<TKernel> f16, Func<TKernel> f8, Func<TKernel> f4) => Current switch
    {
        16 => f16(),
        8 => f8(),
        _ => f4(),
    };

    /// <summary><paramref name="length"/> rounded up to whole vectors.</summary>
    public static int RoundUp(int length) => (length + Current - 1) / Current * Current;
}
