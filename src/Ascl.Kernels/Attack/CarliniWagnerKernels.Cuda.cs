using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class CarliniWagnerKernels
{
    private static void StartCuda(CudaDevice device, DeviceBuffer<float> original, DeviceBuffer<float> w, DeviceBuffer<float> x) =>
        device.Launch(Cuda.TanhStart, (CudaDevice.Groups(x.Length), CudaDevice.GroupSize), new Cuda.TanhStartArguments
        {
            Original = CudaDevice.View(original),
            W = CudaDevice.View(w),
            X = CudaDevice.View(x),
        });

    private static void StepCuda(
        CudaDevice device, int image, DeviceBuffer<float> original, DeviceBuffer<float> gradients, DeviceBuffer<float> weights, float rate,
        float scale, DeviceBuffer<float> w, DeviceBuffer<float> mean, DeviceBuffer<float> square, DeviceBuffer<float> x) =>
        device.Launch(Cuda.TanhStep, ImageGroups.PerPixel(x.Length / image, image), new Cuda.TanhStepArguments
        {
            Original = CudaDevice.View(original),
            Gradients = CudaDevice.View(gradients),
            Weights = CudaDevice.View(weights),
            W = CudaDevice.View(w),
            Mean = CudaDevice.View(mean),
            Square = CudaDevice.View(square),
            X = CudaDevice.View(x),
            Image = image,
            Rate = rate,
            Scale = scale,
        });

    internal static class Cuda
    {
        internal struct TanhStartArguments
        {
            public ArrayView<float> Original, W, X;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void TanhStart(TanhStartArguments p)
        {
            int i = Grid.IdxX * CudaDevice.GroupSize + Group.IdxX;
            if (i >= p.X.Length)
                return;
            float below = Margin + (1 - 2 * Margin) * p.Original[i], above = Margin + (1 - 2 * Margin) * (1 - p.Original[i]);
            float w = 0.5f * MathF.Log(below / above);
            p.W[i] = w;
            p.X[i] = 1 / (1 + MathF.Exp(-2 * w));
        }

        internal struct TanhStepArguments
        {
            public ArrayView<float> Original, Gradients, Weights, W, Mean, Square, X;
            public int Image;

            /// <summary>The learning rate and what the mean of squares is multiplied by, with Adam's corrections.</summary>
            public float Rate, Scale;
        }

        /// <summary>A thread owns a pixel.</summary>
        internal static void TanhStep(TanhStepArguments p)
        {
            int i = Grid.IdxX * p.Image + ImageGroups.Thread;
            if (ImageGroups.Thread >= p.Image)
                return;
            float w = p.W[i], weight = p.Weights[Grid.IdxX], odds = MathF.Exp(-2 * MathF.Abs(w));
            float slope = 2 * odds / ((1 + odds) * (1 + odds)), raised = weight == 0 ? 0 : weight * p.Gradients[i];
            float g = (2 * (p.X[i] - p.Original[i]) - raised) * slope;
            g = MathF.Abs(g) < float.MaxValue ? g : 0;
            float mean = MeanDecay * p.Mean[i] + (1 - MeanDecay) * g, square = SquareDecay * p.Square[i] + (1 - SquareDecay) * g * g;
            w -= p.Rate * mean / (MathF.Sqrt(square * p.Scale) + LeastRoot);
            (p.Mean[i], p.Square[i], p.W[i]) = (mean, square, w);
            p.X[i] = 1 / (1 + MathF.Exp(-2 * w));
        }
    }
}
