using Ascl.Kernels.Cuda;
using ILGPU;

namespace Ascl.Kernels.GpuCode;

/// <summary>
/// For kernels with one warp (32 threads) per row: the warp's row, and sums and maxima over its lanes in a fixed order, which every lane
/// gets. All lanes of the warp must take part.
/// </summary>
internal static class WarpRows
{
    public const int Lanes = 32, RowsOfGroup = CudaDevice.GroupSize / Lanes;

    /// <summary>The launch configuration for <paramref name="rows"/> rows.</summary>
    public static KernelConfig For(int rows) => ((rows + RowsOfGroup - 1) / RowsOfGroup, CudaDevice.GroupSize);

    /// <summary>This thread's row; may be past the last one.</summary>
    public static int Row => Grid.IdxX * RowsOfGroup + (Group.IdxX >> 5);

    public static int Lane => Group.IdxX & (Lanes - 1);

    public static float Sum(float value) => Over<SumOf>(value);

    /// <summary>The maximum; NaNs are ignored.</summary>
    public static float Max(float value) => Over<MaxOf>(value);

    public static float Larger(float a, float b) => a > b ? a : b;

    /// <summary>All lanes' values, combined in pairs 16, 8, 4, 2 and 1 lanes apart.</summary>
    public static float Over<TCombine>(float value) where TCombine : struct, ICombine
    {
        value = TCombine.Of(value, Warp.ShuffleXor(value, 16));
        value = TCombine.Of(value, Warp.ShuffleXor(value, 8));
        value = TCombine.Of(value, Warp.ShuffleXor(value, 4));
        value = TCombine.Of(value, Warp.ShuffleXor(value, 2));
        return TCombine.Of(value, Warp.ShuffleXor(value, 1));
    }

    internal interface ICombine
    {
        static abstract float Of(float a, float b);
    }

    internal readonly struct SumOf : ICombine
    {
        public static float Of(float a, float b) => a + b;
    }

    internal readonly struct MaxOf : ICombine
    {
        public static float Of(float a, float b) => Larger(a, b);
    }
}
