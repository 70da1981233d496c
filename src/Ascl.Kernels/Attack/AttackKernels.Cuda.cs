using Ascl.Core.Random;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class AttackKernels
{
    private static void StartCuda(
        CudaDevice device, AttackStart start, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<int> ids,
        RandomKey key, float epsilon, DeviceBuffer<float> x)
    {
        bool isStill = start == AttackStart.None || epsilon == 0, isL2 = norm == PerturbationNorm.L2;
        Cuda.Size size = (start, norm) switch
        {
            _ when isStill => Cuda.Size.Any,
            (AttackStart.Surface, _) => Cuda.Size.Exactly,
            (AttackStart.Normal, PerturbationNorm.L2) => Cuda.Size.AtMost,
            (AttackStart.Uniform, PerturbationNorm.L2) => Cuda.Size.Random,
            _ => Cuda.Size.Any,
        };
        device.Launch(Cuda.Start, ImageGroups.PerImage(x.Length / image, image), new Cuda.StartArguments
        {
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Ids = CudaDevice.View(ids),
            Key = key,
            Image = image,
            Epsilon = epsilon,
            Deviation = isStill ? 0 : start == AttackStart.Normal ? NormalStart : isL2 ? 1 : 0,
            Range = isStill || isL2 || start == AttackStart.Normal ? 0 : epsilon,
            Size = size,
        });
    }

    private static void PgdStepCuda(
        CudaDevice device, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> gradient, float epsilon,
        float stepSize, DeviceBuffer<float> x, DeviceBuffer<int>? stopped)
    {
        int images = x.Length / image;
        Cuda.PgdStepArguments arguments = new()
        {
            Original = CudaDevice.View(original),
            Gradient = CudaDevice.View(gradient),
            X = CudaDevice.View(x),
            Stopped = CudaDevice.View(stopped),
            Image = image,
            Epsilon = epsilon,
            StepSize = stepSize,
        };
        if (norm == PerturbationNorm.L2)
            device.Launch(Cuda.PgdStepL2, ImageGroups.PerImage(images, image), arguments);
        else if (image % 4 == 0)
            device.Launch(Cuda.PgdStepLinf, ImageGroups.PerPixel(images, image / 4), arguments);
        else
            device.Launch(Cuda.PgdStepLinfUnaligned, ImageGroups.PerPixel(images, image), arguments);
    }

    internal static class Cuda
    {
        /// <summary>How a start scales the drawn change, in its norm.</summary>
        internal enum Size
        {
            /// <summary>Not at all.</summary>
            Any,

            /// <summary>To length ε if longer.</summary>
            AtMost,

            /// <summary>To length ε.</summary>
            Exactly,

            /// <summary>To length ε·u^(1/pixels), u uniform.</summary>
            Random,
        }

        internal struct StartArguments
        {
            public ArrayView<float> Original, X;
            public ArrayView<int> Ids;
            public RandomKey Key;
            public int Image;
            public float Epsilon;

            /// <summary>Standard deviation of normal numbers; 0 for uniform numbers in [−range, range).</summary>
            public float Deviation, Range;

            public Size Size;
        }

        /// <summary>
        /// A group draws the start of one image: each thread draws four numbers at a time, and draws them again to scale them once their
        /// norm is known.
        /// </summary>
        internal static void Start(StartArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            RandomKey own = p.Key.For(p.Ids[Grid.IdxX]);
            int at = Grid.IdxX * p.Image;
            float squares = 0, largest = 1e-30f;
            for (int i = 4 * Group.IdxX; i < p.Image; i += 4 * Group.DimX)
            {
                var (a, b, c, d) = Philox.Block(own, (uint)i >> 2);
                Float4 drawn;
                if (p.Deviation > 0)
                {
                    var (first, second) = NormalNumbers.ToNormal(a, b);
                    var (third, fourth) = NormalNumbers.ToNormal(c, d);
                    drawn = new(first * p.Deviation, second * p.Deviation, third * p.Deviation, fourth * p.Deviation);
                }
                else
                {
                    float width = p.Range + p.Range;
                    drawn = new(
                        width * Philox.ToUniform(a) - p.Range, width * Philox.ToUniform(b) - p.Range, width * Philox.ToUniform(c) - p.Range,
                        width * Philox.ToUniform(d) - p.Range);
                }
                for (int j = 0; j < 4 && i + j < p.Image; j++)
                {
                    float value = j == 0 ? drawn.X : j == 1 ? drawn.Y : j == 2 ? drawn.Z : drawn.W, size = MathF.Abs(value);
                    p.X[at + i + j] = value;
                    squares += value * value;
                    largest = size > largest ? size : largest;
                }
            }
            float factor = Factor(p, own, shared, squares, largest);
            for (int i = 4 * Group.IdxX; i < p.Image; i += 4 * Group.DimX)
                for (int j = at + i; j < at + i + 4 && j < at + p.Image; j++)
                    p.X[j] = ImageGroups.Clip(p.Original[j] + ImageGroups.Clip(p.X[j] * factor, -p.Epsilon, p.Epsilon), 0, 1);
        }

        private static float Factor(in StartArguments p, RandomKey own, ArrayView<float> shared, float squares, float largest)
        {
            if (p.Size == Size.Any)
                return 1;
            if (p.Deviation == 0)
                return p.Epsilon / GroupReduction.Max(shared, largest);
            float length = MathF.Sqrt(GroupReduction.Sum(shared, squares));
            if (p.Size == Size.AtMost)
                return length > p.Epsilon ? p.Epsilon / length : 1;
            float share = p.Size == Size.Exactly
                ? 1
                : MathF.Exp(MathF.Log(Philox.ToUniform(Philox.Word(own, (uint)p.Image + 4))) / p.Image);
            return p.Epsilon * share / length;
        }

        internal struct PgdStepArguments
        {
            public ArrayView<float> Original, Gradient, X;

            /// <summary>[n], or length 0 for none.</summary>
            public ArrayView<int> Stopped;

            public int Image;
            public float Epsilon, StepSize;
        }

        /// <summary>For images with a multiple of four pixels: a thread owns four.</summary>
        internal static void PgdStepLinf(PgdStepArguments p)
        {
            int quad = ImageGroups.Thread, quads = p.Image >> 2, i = Grid.IdxX * quads + quad;
            if (quad >= quads || IsStopped(p))
                return;
            Float4 o = p.Original.Cast<Float4>()[i], g = p.Gradient.Cast<Float4>()[i], x = p.X.Cast<Float4>()[i];
            p.X.Cast<Float4>()[i] = new(Step(o.X, g.X, x.X, p), Step(o.Y, g.Y, x.Y, p), Step(o.Z, g.Z, x.Z, p), Step(o.W, g.W, x.W, p));
        }

        /// <summary>For images of any size: a thread owns a pixel.</summary>
        internal static void PgdStepLinfUnaligned(PgdStepArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread < p.Image && !IsStopped(p))
                p.X[i] = Step(p.Original[i], p.Gradient[i], p.X[i], p);
        }

        private static float Step(float original, float gradient, float x, in PgdStepArguments p)
        {
            float moved = x + (gradient > 0 ? p.StepSize : gradient < 0 ? -p.StepSize : 0);
            return ImageGroups.Clip(ImageGroups.Clip(moved, original - p.Epsilon, original + p.Epsilon), 0, 1);
        }

        /// <summary>
        /// A group owns an image. The change is computed as (x − original) + α·g/‖g‖, without cancellation when x is near the original.
        /// </summary>
        internal static void PgdStepL2(PgdStepArguments p)
        {
            if (IsStopped(p))
                return;
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int at = Grid.IdxX * p.Image;
            float length = ImageGroups.Length(shared, p.Gradient, at, p.Image), squares = 0;
            int hasDirection = length > 0 && length < float.PositiveInfinity ? 1 : 0;
            float step = hasDirection == 1 ? p.StepSize / length : 0;
            for (int i = at + Group.IdxX; i < at + p.Image; i += Group.DimX)
            {
                float delta = p.X[i] - p.Original[i] + (hasDirection == 1 ? step * p.Gradient[i] : 0);
                squares += delta * delta;
            }
            float size = MathF.Sqrt(GroupReduction.Sum(shared, squares)), back = size > p.Epsilon ? p.Epsilon / size : 1;
            for (int i = at + Group.IdxX; i < at + p.Image; i += Group.DimX)
            {
                float delta = p.X[i] - p.Original[i] + (hasDirection == 1 ? step * p.Gradient[i] : 0);
                p.X[i] = ImageGroups.Clip(p.Original[i] + back * delta, 0, 1);
            }
        }

        private static bool IsStopped(in PgdStepArguments p) => p.Stopped.Length > 0 && p.Stopped[Grid.IdxX] == 1;
    }
}
