using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ascl.Kernels.Simd;

/// <summary>
/// Which vector the CPU kernels of this process use, chosen once at start: the widest that the machine (and DOTNET_EnableAVX512,
/// DOTNET_EnableAVX2) allow. It is also the width of an activation's channel block.
/// </summary>
public static class SimdWidth
{
    public static readonly int Current =
        Vector512.IsHardwareAccelerated ? 16 :
        Vector256.IsHardwareAccelerated && Fma.IsSupported ? 8 : 4;

    public static string InstructionSet => Current switch
    {
        16 => "AVX-512",
        8 => "AVX2 + FMA",
        _ => Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vectors",
    };

    /// <summary>The implementation of a kernel family for this process's width; each family keeps one, so calls into it are direct.</summary>
    public static TKernel Choose<TKernel>(Func<TKernel> f16, Func<TKernel> f8, Func<TKernel> f4) => Current switch
    {
        16 => f16(),
        8 => f8(),
        _ => f4(),
    };

    /// <summary><paramref name="length"/> rounded up to whole vectors.</summary>
    public static int RoundUp(int length) => (length + Current - 1) / Current * Current;
}
