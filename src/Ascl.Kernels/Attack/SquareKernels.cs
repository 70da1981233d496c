using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>
/// Random proposals of the Square attack in L∞ (Andriushchenko et al. 2020), on plain pixels [n, C, H, W]. The random numbers of image i
/// are keyed by ids[i] and the query, so that they do not depend on the batch.
/// </summary>
public static unsafe partial class SquareKernels
{
    /// <summary>The start: x = clip₀₁(original ± ε), with a random sign for each column of each channel.</summary>
    public static void Stripes(
        int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key, float epsilon,
        DeviceBuffer<float> x)
    {
        int plane = height * width, image = channels * plane;
        DeviceKernel.Run("attack.stripes", x.Length, x.Length, 8.0 * x.Length, OnCpu,
            cuda => StripesCuda(cuda, channels, height, width, original, ids, key, epsilon, x), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x);
            int* pid = CpuDevice.Pointer(ids);
            cpu.For(x.Length / image, (n, _) =>
            {
                RandomKey own = key.For(pid[n]);
                nint at = (nint)n * image;
                for (int i = 0; i < image; i++)
                {
                    bool isUp = Philox.IsOdd(own, (uint)(i / plane * width + i % width));
                    px[at + i] = Math.Clamp(po[at + i] + (isUp ? epsilon : -epsilon), 0, 1);
                }
            });
        }
    }

    /// <summary>
    /// candidate = x with a square window changed by ±2ε, projected to the ball around the original and to [0, 1]. The sign is random for
    /// each channel, the window's position for each image.
    /// </summary>
    /// <param name="side">Side of the window, in pixels.</param>
    public static void Propose(
        int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key, float epsilon, int side,
        DeviceBuffer<float> x, DeviceBuffer<float> candidate)
    {
        int plane = height * width, image = channels * plane;
        DeviceKernel.Run("attack.square", x.Length, (double)x.Length / plane * side * side, 8.0 * x.Length, OnCpu,
            cuda => ProposeCuda(cuda, channels, height, width, original, ids, key, epsilon, side, x, candidate), candidate);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x), pc = CpuDevice.Pointer(candidate);
            int* pid = CpuDevice.Pointer(ids);
            cpu.For(x.Length / image, (n, _) =>
            {
                RandomKey own = key.For(pid[n]);
                nint at = (nint)n * image;
                new ReadOnlySpan<float>(px + at, image).CopyTo(new Span<float>(pc + at, image));
                int top = Philox.ToIndex(Philox.Word(own, 0), height - side + 1);
                int left = Philox.ToIndex(Philox.Word(own, 1), width - side + 1);
                for (int c = 0; c < channels; c++)
                {
                    float move = Philox.IsOdd(own, (uint)(2 + c)) ? 2 * epsilon : -2 * epsilon;
                    for (int row = top; row < top + side; row++)
                        for (int column = left; column < left + side; column++)
                        {
                            nint i = at + c * plane + row * width + column;
                            pc[i] = Math.Clamp(Math.Clamp(px[i] + move, po[i] - epsilon, po[i] + epsilon), 0, 1);
                        }
                }
            });
        }
    }
}
