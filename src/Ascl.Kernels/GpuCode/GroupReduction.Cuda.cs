using Ascl.Kernels.Cuda;
using ILGPU;

namespace Ascl.Kernels.GpuCode;

/// <summary>
/// Sums and maxima over the threads of a group (whole warps) in a fixed order; every thread gets the result. All threads of the group must
/// take part. A kernel allocates <see cref="Places"/> floats of shared memory once for all its reductions.
/// </summary>
internal static class GroupReduction
{
    /// <summary>One per warp.</summary>
    public const int Places = CudaDevice.GroupSize / 32;

    public static float Sum(ArrayView<float> shared, float value) => Over<WarpRows.SumOf>(shared, value);

    /// <summary>The maximum; NaNs are ignored.</summary>
    public static float Max(ArrayView<float> shared, float value) => Over<WarpRows.MaxOf>(shared, value);

    private static float Over<TCombine>(ArrayView<float> shared, float value) where TCombine : struct, WarpRows.ICombine
    {
        value = WarpRows.Over<TCombine>(value);
        int thread = Group.IdxY * Group.DimX + Group.IdxX, warps = (Group.DimX * Group.DimY) >> 5;
        if ((thread & 31) == 0)
            shared[thread >> 5] = value;
        Group.Barrier();
        float all = shared[0];
        for (int warp = 1; warp < warps; warp++)
            all = TCombine.Of(all, shared[warp]);
        // The next reduction may write only after every thread has read.
        Group.Barrier();
        return all;
    }
}
