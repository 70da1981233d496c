using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>
/// Random proposals of the Square attack in L2 (Andriushchenko et al. 2020), on plain pixels [n, C, H, W]. The random numbers of image i
/// are keyed by ids[i] and the query, so that they do not depend on the batch. δ = x − original has norm ε before it is clipped to [0, 1].
/// </summary>
public static unsafe partial class SquareL2Kernels
{
    /// <summary>Tiles per column and row of the start's grid.</summary>
    private const int TilesAcross = 5;

    /// <summary>Keeps divisions by norms finite.</summary>
    private const double Tiny = 1e-12;

    /// <summary>
    /// The start: x = clip₀₁(original + ε·δ/‖δ‖), with δ a centred grid of tiles. Each tile is η or its transpose, with a random sign for
    /// each channel. Computed on the CPU even for a GPU's images, because an attack does it once.
    /// </summary>
    public static void Tiles(
        int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key, float epsilon,
        DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.tiles", x.Length, 4.0 * x.Length, 8.0 * x.Length,
            cpu => TilesCpu(cpu, channels, height, width, original, ids, key, epsilon, x),
            _ => CpuFallback.Update(x, (host, copy) =>
                TilesCpu(host, channels, height, width, CpuFallback.Download(original), CpuFallback.Download(ids), key, epsilon, copy)),
            x);
    }

    private static void TilesCpu(
        CpuDevice device, int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key,
        float epsilon, DeviceBuffer<float> x)
    {
        int plane = height * width, image = channels * plane, side = Math.Max(Math.Min(height, width) / TilesAcross, 1);
        int rows = height / side, columns = width / side;
        int top = (height - rows * side) / 2, left = (width - columns * side) / 2;
        double[] eta = Eta(side);
        float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x);
        int* pid = CpuDevice.Pointer(ids);
        device.For(x.Length / image, (n, _) =>
        {
            RandomKey own = key.For(pid[n]);
            float* o = po + (nint)n * image, to = px + (nint)n * image;
            new Span<float>(to, image).Clear();
            for (int tile = 0; tile < rows * columns; tile++)
            {
                uint word = (uint)(tile * (channels + 1));
                bool isLying = Philox.IsOdd(own, word);
                for (int c = 0; c < channels; c++)
                {
                    double sign = Philox.IsOdd(own, word + 1 + (uint)c) ? 1 : -1;
                    float* corner = to + c * plane + (top + tile / columns * side) * width + left + tile % columns * side;
                    for (int row = 0; row < side; row++)
                        for (int column = 0; column < side; column++)
                            corner[row * width + column] = (float)(sign * At(eta, side, row, column, isLying));
                }
            }
            Place(o, to, image, epsilon);
        });
    }

    /// <summary>
    /// candidate = clip₀₁(original + ε·δ/‖δ‖), where δ is that of x with the budget of two random windows W₁ and W₂ and the unused part of
    /// ε moved to W₁: per channel ν = ±η + δ|W₁/‖δ|W₁‖, then δ|W₂ = 0 and δ|W₁ = ν/‖ν‖·√(max(ε² − ‖δ‖², 0)/C + ‖δ|W₁∪W₂‖²). The last norm
    /// is over all channels, as in Auto-Attack's code; the paper uses each channel's own.
    /// </summary>
    /// <param name="side">Side of the windows, in pixels; odd.</param>
    public static void Propose(
        int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key, float epsilon, int side,
        DeviceBuffer<float> x, DeviceBuffer<float> candidate)
    {
        int plane = height * width, image = channels * plane;
        DeviceKernel.Run("attack.square_l2", x.Length, 6.0 * x.Length, 12.0 * x.Length, OnCpu,
            cuda => ProposeCuda(cuda, channels, height, width, original, ids, key, epsilon, side, x, candidate), candidate);

        void OnCpu(CpuDevice cpu)
        {
            double[] eta = Eta(side);
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x), pc = CpuDevice.Pointer(candidate);
            int* pid = CpuDevice.Pointer(ids);
            cpu.For(x.Length / image, (n, _) =>
            {
                RandomKey own = key.For(pid[n]);
                float* o = po + (nint)n * image, at = px + (nint)n * image, to = pc + (nint)n * image;
                Window target = new(own, 0, side, height, width), source = new(own, 2, side, height, width);
                bool isLying = Philox.IsOdd(own, 4);
                double all = 0, windows = 0;
                for (int i = 0; i < image; i++)
                {
                    to[i] = at[i] - o[i];
                    double square = (double)to[i] * to[i];
                    all += square;
                    int row = i % plane / width, column = i % width;
                    windows += target.Holds(row, column) || source.Holds(row, column) ? square : 0;
                }
                double budget = Math.Sqrt(Math.Max((double)epsilon * epsilon - all, 0) / channels + windows);
                for (int c = 0; c < channels; c++)
                {
                    double sign = Philox.IsOdd(own, 5 + (uint)c) ? 1 : -1, before = 0, after = 0;
                    float* from = to + c * plane + target.Top * width + target.Left;
                    for (int i = 0; i < side * side; i++)
                        before += Square(from[i / side * width + i % side]);
                    double scale = 1 / (Math.Sqrt(before) + Tiny);
                    for (int i = 0; i < side * side; i++)
                    {
                        ref float delta = ref from[i / side * width + i % side];
                        delta = (float)(sign * At(eta, side, i / side, i % side, isLying) + delta * scale);
                        after += Square(delta);
                    }
                    scale = budget / (Math.Sqrt(after) + Tiny);
                    for (int row = Math.Min(target.Top, source.Top); row < Math.Max(target.Top, source.Top) + side; row++)
                        for (int column = Math.Min(target.Left, source.Left); column < Math.Max(target.Left, source.Left) + side; column++)
                        {
                            ref float delta = ref to[c * plane + row * width + column];
                            delta = target.Holds(row, column) ? (float)(delta * scale) : source.Holds(row, column) ? 0 : delta;
                        }
                }
                Place(o, to, image, epsilon);
            });
        }
    }

    /// <summary>η: a square of unit norm whose upper half is a positive bump and whose lower half a negative one.</summary>
    private static double[] Eta(int side)
    {
        double[] eta = new double[side * side];
        int upper = side / 2;
        Bump(eta.AsSpan(0, upper * side), upper, side, 1);
        Bump(eta.AsSpan(upper * side), side - upper, side, -1);
        double length = Math.Sqrt(eta.Sum(v => v * v));
        return [.. eta.Select(v => v / length)];
    }

    /// <summary>
    /// A rectangle of unit norm. A pixel's value is Σ 1/(k + 1)² over k from its Chebyshev distance to the middle pixel up to that of the
    /// border.
    /// </summary>
    private static void Bump(Span<double> values, int height, int width, int sign)
    {
        int farthest = Math.Max(height, width) / 2;
        double squares = 0;
        for (int i = 0; i < values.Length; i++)
        {
            for (int k = Math.Max(Math.Abs(i / width - height / 2), Math.Abs(i % width - width / 2)); k <= farthest; k++)
                values[i] += 1.0 / ((k + 1) * (k + 1));
            squares += values[i] * values[i];
        }
        foreach (ref double value in values)
            value *= sign / Math.Sqrt(squares);
    }

    private static double At(double[] eta, int side, int row, int column, bool isLying) =>
        isLying ? eta[column * side + row] : eta[row * side + column];

    /// <summary>δ ← clip₀₁(original + ε·δ/‖δ‖), in place.</summary>
    private static void Place(float* original, float* delta, int image, double epsilon)
    {
        double squares = 0;
        for (int i = 0; i < image; i++)
            squares += Square(delta[i]);
        double scale = epsilon / (Math.Sqrt(squares) + Tiny);
        for (int i = 0; i < image; i++)
            delta[i] = (float)Math.Clamp(original[i] + scale * delta[i], 0, 1);
    }

    private static double Square(double value) => value * value;
}
