using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class BoundaryKernels
{
    private static void StepCuda(
        CudaDevice device, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> values,
        DeviceBuffer<float> gradients, double largestAlpha, double eta, DeviceBuffer<float> x) =>
        device.Launch(Cuda.Step, ImageGroups.PerImage(x.Length / image, image), new Cuda.StepArguments
        {
            Original = CudaDevice.View(original),
            Values = CudaDevice.View(values),
            Gradients = CudaDevice.View(gradients),
            X = CudaDevice.View(x),
            IsLinf = norm == PerturbationNorm.Linf ? 1 : 0,
            Image = image,
            LargestAlpha = (float)largestAlpha,
            Eta = (float)eta,
        });

    private static void KeepNearestCuda(
        CudaDevice device, PerturbationNorm norm, int image, DeviceBuffer<float> values, DeviceBuffer<float> gradients,
        DeviceBuffer<float> distances, DeviceBuffer<float> nearestValues, DeviceBuffer<float> nearestGradients) =>
        device.Launch(Cuda.KeepNearest, ImageGroups.PerImage(values.Length, image), new Cuda.KeepNearestArguments
        {
            Values = CudaDevice.View(values),
            Gradients = CudaDevice.View(gradients),
            Distances = CudaDevice.View(distances),
            NearestValues = CudaDevice.View(nearestValues),
            NearestGradients = CudaDevice.View(nearestGradients),
            IsLinf = norm == PerturbationNorm.Linf ? 1 : 0,
            Image = image,
        });

    private static void LengthsCuda(
        CudaDevice device, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> x,
        DeviceBuffer<float> lengths) =>
        device.Launch(Cuda.Lengths, ImageGroups.PerImage(x.Length / image, image), new Cuda.LengthsArguments
        {
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Lengths = CudaDevice.View(lengths),
            IsLinf = norm == PerturbationNorm.Linf ? 1 : 0,
            Image = image,
        });

    private static void ShrinkCuda(
        CudaDevice device, int image, DeviceBuffer<int> chosen, DeviceBuffer<float> original, float beta, DeviceBuffer<float> x) =>
        device.Launch(Cuda.Shrink, ImageGroups.PerPixel(x.Length / image, image), new Cuda.ShrinkArguments
        {
            Chosen = CudaDevice.View(chosen),
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Image = image,
            Beta = beta,
        });

    internal static class Cuda
    {
        private const float LeastLength = (float)BoundaryKernels.LeastLength;

        internal struct StepArguments
        {
            public ArrayView<float> Original, Values, Gradients, X;
            public int IsLinf, Image;
            public float LargestAlpha, Eta;
        }

        /// <summary>A group owns an image.</summary>
        internal static void Step(StepArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int at = Grid.IdxX * p.Image, end = at + p.Image;
            float unit = ImageGroups.Unit(shared, p.Gradients, at, p.Image), value = p.Values[Grid.IdxX] / unit, apart = 0;
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
                apart += p.Gradients[i] / unit * (p.X[i] - p.Original[i]);
            apart = GroupReduction.Sum(shared, apart);
            // Uniform over the group; false for NaN.
            bool isFinite = MathF.Abs(apart) < float.MaxValue && MathF.Abs(value) < float.MaxValue;
            HyperplaneProjectionCuda here = new(p.IsLinf, shared, p.X, p.Gradients, at, p.Image, unit, -value);
            HyperplaneProjectionCuda there = new(p.IsLinf, shared, p.Original, p.Gradients, at, p.Image, unit, apart - value);
            float own = here.Length(shared, p.X, p.Gradients), originals = there.Length(shared, p.Original, p.Gradients);
            own = own > LeastLength ? own : LeastLength;
            originals = originals > LeastLength ? originals : LeastLength;
            float alpha = own / (own + originals);
            alpha = alpha < p.LargestAlpha ? alpha : p.LargestAlpha;
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
            {
                float x = p.X[i] + p.Eta * here.Change(p.X, p.Gradients, i);
                float o = p.Original[i] + p.Eta * there.Change(p.Original, p.Gradients, i);
                p.X[i] = isFinite ? ImageGroups.Clip((1 - alpha) * x + alpha * o, 0, 1) : p.X[i];
            }
        }

        internal struct KeepNearestArguments
        {
            public ArrayView<float> Values, Gradients, Distances, NearestValues, NearestGradients;
            public int IsLinf, Image;
        }

        /// <summary>A group owns an image.</summary>
        internal static void KeepNearest(KeepNearestArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int n = Grid.IdxX, at = n * p.Image;
            float sum = 0;
            for (int i = at + Group.IdxX; i < at + p.Image; i += Group.DimX)
                sum += MathF.Abs(p.Gradients[i]);
            sum = GroupReduction.Sum(shared, sum);
            float length = p.IsLinf == 1 ? sum : ImageGroups.Length(shared, p.Gradients, at, p.Image);
            float distance = MathF.Abs(p.Values[n]) / (length + 1e-12f);
            // Every thread compares with the old distance. The comparison is passed to the barrier, because ILGPU would otherwise move the
            // load behind it.
            if (Group.BarrierOr(distance >= p.Distances[n]))
                return;
            for (int i = at + Group.IdxX; i < at + p.Image; i += Group.DimX)
                p.NearestGradients[i] = p.Gradients[i];
            if (Group.IdxX == 0)
            {
                p.Distances[n] = distance;
                p.NearestValues[n] = p.Values[n];
            }
        }

        internal struct LengthsArguments
        {
            public ArrayView<float> Original, X, Lengths;
            public int IsLinf, Image;
        }

        /// <summary>A group owns an image.</summary>
        internal static void Lengths(LengthsArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int at = Grid.IdxX * p.Image;
            float largest = 0, squares = 0;
            for (int i = at + Group.IdxX; i < at + p.Image; i += Group.DimX)
            {
                float change = MathF.Abs(p.X[i] - p.Original[i]);
                largest = change > largest ? change : largest;
                squares += change * change;
            }
            float length = p.IsLinf == 1 ? GroupReduction.Max(shared, largest) : MathF.Sqrt(GroupReduction.Sum(shared, squares));
            if (Group.IdxX == 0)
                p.Lengths[Grid.IdxX] = length;
        }

        internal struct ShrinkArguments
        {
            public ArrayView<int> Chosen;
            public ArrayView<float> Original, X;
            public int Image;
            public float Beta;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void Shrink(ShrinkArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread < p.Image && p.Chosen[Grid.IdxX] == 1)
                p.X[i] = p.Original[i] + (p.X[i] - p.Original[i]) * p.Beta;
        }
    }
}
