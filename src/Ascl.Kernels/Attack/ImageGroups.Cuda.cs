using Ascl.Kernels.Cuda;
using Ascl.Kernels.GpuCode;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Attack;

/// <summary>How attack kernels distribute images [n, image] over a GPU's threads, and shared functions of those kernels.</summary>
internal static class ImageGroups
{
    private const int WarpSize = 32;

    /// <summary>
    /// Pixels per thread for images too small for a whole group, so that reductions over threads are not most of the work.
    /// </summary>
    private const int WarpPixels = 8 * WarpSize;

    private const float LeastNormal = 1.1754944e-38f;

    /// <summary>One thread per pixel, or for a few: group (n, part of the image).</summary>
    public static KernelConfig PerPixel(int images, int threadsPerImage) =>
        (new Index3D(images, CudaDevice.Groups(threadsPerImage), 1), new Index3D(CudaDevice.GroupSize, 1, 1));

    /// <summary>
    /// One group per image, for kernels with sums over the image; threads take pixels <see cref="Group.IdxX"/>, <see cref="Group.IdxX"/> +
    /// <see cref="Group.DimX"/>, ….
    /// </summary>
    public static KernelConfig PerImage(int images, int image) =>
        (images, Math.Min((image + WarpPixels - 1) / WarpPixels * WarpSize, CudaDevice.GroupSize));

    /// <summary>
    /// One group per image, one warp per row of pixels: thread (x, y) takes columns x, x + 32, … of rows y, y + <see cref="Group.DimY"/>,
    /// ….
    /// </summary>
    public static KernelConfig PerImageRows(int images, int height) =>
        (new Index3D(images, 1, 1), new Index3D(WarpSize, Math.Min(height, CudaDevice.GroupSize / WarpSize), 1));

    /// <summary>The thread's index within its image in <see cref="PerPixel"/>.</summary>
    public static int Thread => Grid.IdxY * CudaDevice.GroupSize + Group.IdxX;

    /// <summary>value clipped to [low, high]; NaN stays NaN.</summary>
    public static float Clip(float value, float low, float high) => value < low ? low : value > high ? high : value;

    /// <summary>
    /// ‖values‖₂ of <paramref name="length"/> values, for all threads of <see cref="PerImage"/>'s group; NaN if one is not finite. The
    /// values are divided by the largest magnitude first, so that squares of small gradients do not underflow.
    /// </summary>
    public static float Length(ArrayView<float> shared, ArrayView<float> values, int at, int length)
    {
        float unit = Unit(shared, values, at, length), squares = 0;
        for (int i = Group.IdxX; i < length; i += Group.DimX)
        {
            float v = values[at + i] / unit;
            squares += v * v;
        }
        return unit * MathF.Sqrt(GroupReduction.Sum(shared, squares));
    }

    /// <summary>The largest magnitude, or 1 if all values are zero or denormal. NaNs are ignored.</summary>
    public static float Unit(ArrayView<float> shared, ArrayView<float> values, int at, int length)
    {
        float largest = 0;
        for (int i = Group.IdxX; i < length; i += Group.DimX)
        {
            float size = MathF.Abs(values[at + i]);
            largest = size > largest ? size : largest;
        }
        largest = GroupReduction.Max(shared, largest);
        return largest > LeastNormal ? largest : 1;
    }
}
