using Ascl.Kernels.Cuda;
using Ascl.Kernels.GpuCode;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Attack;

/// <summary>How the attacks' kernels share images [n, image] among a GPU's threads, and what they compute with.</summary>
internal static class ImageGroups
{
    private const int WarpSize = 32;

    /// <summary>Of the images that have too few for a whole group: a few a thread, so that the sums over threads are not most of the work.</summary>
    private const int WarpPixels = 8 * WarpSize;

    private const float LeastNormal = 1.1754944e-38f;

    /// <summary>A thread a pixel, or a few: group (n, part of the image).</summary>
    public static KernelConfig PerPixel(int images, int threadsPerImage) => (new Index3D(images, CudaDevice.Groups(threadsPerImage), 1), new Index3D(CudaDevice.GroupSize, 1, 1));

    /// <summary>A group an image, whose threads take pixels <see cref="Group.IdxX"/>, <see cref="Group.IdxX"/> + <see cref="Group.DimX"/>, …: for what needs sums over the image.</summary>
    public static KernelConfig PerImage(int images, int image) =>
        (images, Math.Min((image + WarpPixels - 1) / WarpPixels * WarpSize, CudaDevice.GroupSize));

    /// <summary>A group an image, a warp a row of pixels: thread (x, y) takes columns x, x + 32, … of rows y, y + <see cref="Group.DimY"/>, ….</summary>
    public static KernelConfig PerImageRows(int images, int height) =>
        (new Index3D(images, 1, 1), new Index3D(WarpSize, Math.Min(height, CudaDevice.GroupSize / WarpSize), 1));

    /// <summary>The thread's number among its image's in <see cref="PerPixel"/>.</summary>
    public static int Thread => Grid.IdxY * CudaDevice.GroupSize + Group.IdxX;

    /// <summary>A NaN stays one.</summary>
    public static float Clip(float value, float low, float high) => value < low ? low : value > high ? high : value;

    /// <summary>‖values‖₂ of <paramref name="length"/> values from a place on, for all threads of <see cref="PerImage"/>'s group: NaN where one is not finite.
    /// In units of the largest entry, since the square of a small gradient is no float any more.</summary>
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

    /// <summary>The largest magnitude, or 1 where all are zero or too small for a GPU to tell from it. NaNs are passed over.</summary>
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
