using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class AutoPgdKernels
{
    private static void StepCuda(
        CudaDevice device, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> gradient,
        DeviceBuffer<float> stepSizes, float epsilon, float momentum, DeviceBuffer<float> x, DeviceBuffer<float> before)
    {
        int images = x.Length / image;
        Cuda.StepArguments arguments = new()
        {
            Original = CudaDevice.View(original),
            Gradient = CudaDevice.View(gradient),
            StepSizes = CudaDevice.View(stepSizes),
            X = CudaDevice.View(x),
            Before = CudaDevice.View(before),
            Image = image,
            Epsilon = epsilon,
            Momentum = momentum,
        };
        if (norm == PerturbationNorm.Linf)
            device.Launch(Cuda.StepLinf, ImageGroups.PerPixel(images, image), arguments);
        else
            device.Launch(Cuda.StepL2, ImageGroups.PerImage(images, image), arguments);
    }

    private static void CopyCuda(
        CudaDevice device, int image, DeviceBuffer<int> chosen, DeviceBuffer<float> from, DeviceBuffer<float> to) =>
        device.Launch(Cuda.Copy, ImageGroups.PerPixel(to.Length / image, image), new Cuda.CopyArguments
        {
            Chosen = CudaDevice.View(chosen),
            From = CudaDevice.View(from),
            To = CudaDevice.View(to),
            Image = image,
        });

    internal static class Cuda
    {
        internal struct StepArguments
        {
            public ArrayView<float> Original, Gradient, StepSizes, X, Before;
            public int Image;
            public float Epsilon, Momentum;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void StepLinf(StepArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread >= p.Image)
                return;
            float o = p.Original[i], g = p.Gradient[i], here = p.X[i], step = p.StepSizes[Grid.IdxX], low = o - p.Epsilon;
            float high = o + p.Epsilon;
            low = low < 0 ? 0 : low;
            high = high > 1 ? 1 : high;
            float z = ImageGroups.Clip(here + (g > 0 ? step : g < 0 ? -step : 0), low, high);
            p.X[i] = ImageGroups.Clip(here + (z - here) * p.Momentum + (here - p.Before[i]) * (1 - p.Momentum), low, high);
            p.Before[i] = here;
        }

        /// <summary>A group owns an image.</summary>
        internal static void StepL2(StepArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int at = Grid.IdxX * p.Image, end = at + p.Image;
            float along = p.StepSizes[Grid.IdxX] / (ImageGroups.Length(shared, p.Gradient, at, p.Image) + 1e-12f), squares = 0;
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
            {
                float change = p.X[i] - p.Original[i] + along * p.Gradient[i];
                squares += change * change;
            }
            float back = Shrink(GroupReduction.Sum(shared, squares), p.Epsilon);
            squares = 0;
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
            {
                float change = Mixed(p, i, along, back);
                squares += change * change;
            }
            float home = Shrink(GroupReduction.Sum(shared, squares), p.Epsilon);
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
            {
                float next = ImageGroups.Clip(p.Original[i] + Mixed(p, i, along, back) * home, 0, 1);
                p.Before[i] = p.X[i];
                p.X[i] = next;
            }
        }

        /// <summary>x + a(z − x) + (1 − a)(x − before) − original.</summary>
        private static float Mixed(in StepArguments p, int i, float along, float back)
        {
            float o = p.Original[i], x = p.X[i], apart = x - o, z = ImageGroups.Clip(o + (apart + along * p.Gradient[i]) * back, 0, 1);
            return apart + (z - x) * p.Momentum + (x - p.Before[i]) * (1 - p.Momentum);
        }

        private static float Shrink(float squares, float epsilon)
        {
            float length = MathF.Sqrt(squares);
            return (length < epsilon ? length : epsilon) / (length + 1e-12f);
        }

        internal struct CopyArguments
        {
            public ArrayView<int> Chosen;
            public ArrayView<float> From, To;
            public int Image;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void Copy(CopyArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread < p.Image && p.Chosen[Grid.IdxX] == 1)
                p.To[i] = p.From[i];
        }
    }
}
