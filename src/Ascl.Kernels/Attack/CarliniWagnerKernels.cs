using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>Passes of Carlini and Wagner's L2 attack over pixels [n, image] in [0, 1], which are x = (tanh w + 1)/2.</summary>
public static unsafe partial class CarliniWagnerKernels
{
    /// <summary>How near to 0 and 1 a start may be, so that w is finite: half of the authors' 1 − 0.999999, which is for
    /// [−1, 1].</summary>
    private const float Margin = 0.5e-6f;

    private const float MeanDecay = 0.9f, SquareDecay = 0.999f, LeastRoot = 1e-8f;

    /// <summary>w = artanh(0.999999·(2·original − 1)) and its x.</summary>
    public static void Start(DeviceBuffer<float> original, DeviceBuffer<float> w, DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.carlini_wagner_start", x.Length, 8.0 * x.Length, 12.0 * x.Length, OnCpu,
            cuda => StartCuda(cuda, original, w, x), w, x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pw = CpuDevice.Pointer(w), px = CpuDevice.Pointer(x);
            for (int i = 0; i < x.Length; i++)
            {
                // Both distances from a bound, neither by subtracting the other.
                float below = Margin + (1 - 2 * Margin) * po[i], above = Margin + (1 - 2 * Margin) * (1 - po[i]);
                pw[i] = (float)(0.5 * Math.Log((double)below / above));
                px[i] = (float)(1 / (1 + Math.Exp(-2.0 * pw[i])));
            }
        }
    }

    /// <summary>
    /// One step of Adam (β₁ 0.9, β₂ 0.999) over w, downwards along (2(x − original) − weight·gradient)·∂x/∂w; then x follows. Where that is
    /// not finite it counts as 0.
    /// </summary>
    /// <param name="image">Pixels per image.</param>
    /// <param name="gradients">[n, image]: of what the attack raises, at x.</param>
    /// <param name="weights">[n]: c, or 0 where the image is misclassified by enough.</param>
    /// <param name="step">From 1.</param>
    /// <param name="learningRate">Adam's.</param>
    /// <param name="w">Updated in place, as are the following.</param>
    /// <param name="mean">Adam's mean of the gradients.</param>
    /// <param name="square">Adam's mean of their squares.</param>
    public static void Step(
        int image, DeviceBuffer<float> original, DeviceBuffer<float> gradients, DeviceBuffer<float> weights, int step, double learningRate,
        DeviceBuffer<float> w, DeviceBuffer<float> mean, DeviceBuffer<float> square, DeviceBuffer<float> x)
    {
        // The corrections of the means, which begin at 0.
        double rate = learningRate / (1 - Math.Pow(MeanDecay, step)), scale = 1 / (1 - Math.Pow(SquareDecay, step));
        DeviceKernel.Run("attack.carlini_wagner_step", x.Length, 24.0 * x.Length, 44.0 * x.Length, OnCpu,
            cuda => StepCuda(cuda, image, original, gradients, weights, (float)rate, (float)scale, w, mean, square, x), w, mean, square, x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pg = CpuDevice.Pointer(gradients), pc = CpuDevice.Pointer(weights);
            float* pw = CpuDevice.Pointer(w), pm = CpuDevice.Pointer(mean), ps = CpuDevice.Pointer(square), px = CpuDevice.Pointer(x);
            cpu.For(x.Length / image, (n, _) =>
            {
                for (nint i = (nint)n * image; i < ((nint)n + 1) * image; i++)
                {
                    double odds = Math.Exp(-2.0 * Math.Abs(pw[i])), slope = 2 * odds / ((1 + odds) * (1 + odds));
                    double raised = pc[n] == 0 ? 0 : (double)pc[n] * pg[i];
                    double g = (2 * ((double)px[i] - po[i]) - raised) * slope;
                    g = double.IsFinite(g) ? g : 0;
                    pm[i] = (float)(MeanDecay * pm[i] + (1.0 - MeanDecay) * g);
                    ps[i] = (float)(SquareDecay * ps[i] + (1.0 - SquareDecay) * g * g);
                    pw[i] = (float)(pw[i] - rate * pm[i] / (Math.Sqrt(ps[i] * scale) + LeastRoot));
                    px[i] = (float)(1 / (1 + Math.Exp(-2.0 * pw[i])));
                }
            });
        }
    }
}
