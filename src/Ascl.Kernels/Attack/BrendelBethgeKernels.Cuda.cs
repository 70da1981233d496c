using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class BrendelBethgeKernels
{
    private static void BetweenCuda(
        CudaDevice device, int image, DeviceBuffer<float> original, DeviceBuffer<float> start, DeviceBuffer<float> sizes,
        DeviceBuffer<float> x) =>
        device.Launch(Cuda.Between, ImageGroups.PerPixel(x.Length / image, image), new Cuda.BetweenArguments
        {
            Original = CudaDevice.View(original),
            From = CudaDevice.View(start),
            Sizes = CudaDevice.View(sizes),
            X = CudaDevice.View(x),
            Image = image,
        });

    internal static class Cuda
    {
        internal struct BetweenArguments
        {
            public ArrayView<float> Original, From, Sizes, X;
            public int Image;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void Between(BetweenArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread >= p.Image)
                return;
            float o = p.Original[i], size = p.Sizes[Grid.IdxX];
            p.X[i] = ImageGroups.Clip(p.From[i], o - size, o + size);
        }
    }
}
