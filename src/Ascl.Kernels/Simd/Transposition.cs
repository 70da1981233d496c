using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Ascl.Kernels.Simd;

/// <summary>Transposes between channels in lanes and pixels in lanes.</summary>
internal static unsafe class Transposition
{
    private const int Tile = 4;

    /// <summary>
    /// to[j·toStep + i] = from[i·fromStep + j] for i in 0…<paramref name="rows"/>−1 and j in 0…<paramref name="columns"/>−1.
    /// </summary>
    /// <remarks>
    /// 4×4 tiles at every vector width: with wider tiles the number of shuffles grows as the number of loads and stores shrinks.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(int rows, int columns, float* from, nint fromStep, float* to, nint toStep)
    {
        int wholeRows = rows / Tile * Tile, wholeColumns = columns / Tile * Tile;
        for (int j = 0; j < wholeColumns; j += Tile)
        {
            float* source = from + j, target = to + j * toStep;
            for (int i = 0; i < wholeRows; i += Tile, source += Tile * fromStep, target += Tile)
                RunTile(source, fromStep, target, toStep);
        }
        for (int i = 0; i < rows; i++)
            for (int j = i < wholeRows ? wholeColumns : 0; j < columns; j++)
                to[j * toStep + i] = from[i * fromStep + j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunTile(float* from, nint fromStep, float* to, nint toStep)
    {
        Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + fromStep), c = Vector128.Load(from + 2 * fromStep);
        Vector128<float> d = Vector128.Load(from + 3 * fromStep);
        Vector128<float> acLow = ZipLow(a, c), bdLow = ZipLow(b, d), acHigh = ZipHigh(a, c), bdHigh = ZipHigh(b, d);
        Vector128.Store(ZipLow(acLow, bdLow), to);
        Vector128.Store(ZipHigh(acLow, bdLow), to + toStep);
        Vector128.Store(ZipLow(acHigh, bdHigh), to + 2 * toStep);
        Vector128.Store(ZipHigh(acHigh, bdHigh), to + 3 * toStep);
    }

    /// <summary>a₀ b₀ a₁ b₁.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported
            ? Sse.UnpackLow(a, b)
            : AdvSimd.Arm64.IsSupported
            ? AdvSimd.Arm64.ZipLow(a, b)
            : Vector128.Create(a[0], b[0], a[1], b[1]);

    /// <summary>a₂ b₂ a₃ b₃.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported
            ? Sse.UnpackHigh(a, b)
            : AdvSimd.Arm64.IsSupported
            ? AdvSimd.Arm64.ZipHigh(a, b)
            : Vector128.Create(a[2], b[2], a[3], b[3]);
}
