using Ascl.Kernels.Cuda;
using ILGPU;

namespace Ascl.Kernels.GpuCode;

/// <summary>
/// Sums and maxima over the threads of a group, a whole number of warps, in a fixed order; every thread gets the result. The group's threads must all
/// take part. A kernel allocates <see cref="Places"/> floats of shared memory once for all its reductions.
/// </summary>
internal static class GroupReduction
{
    /// <summary>One a warp.</summary>
    public const int Places = CudaDevice.GroupSize / 32;

    public static float Sum(ArrayView<float> shared, float value) => Over<WarpRows.SumOf>(shared, value);

    /// <summary>A NaN is passed over.</summary>
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
        // Not before everybody has read may the next reduction write.
        Group.Barrier();
        return all;
    }
}
