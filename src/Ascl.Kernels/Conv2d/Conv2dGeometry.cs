using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The shapes of a convolution: y[n, k, oy, ox] = Σ over c, r, s of x[n, c, oy·Stride + r − Padding, ox·Stride + s − Padding] · w[k, c, r,
/// s], zero outside x. The weight w is plain [K, C, R, S].
/// </summary>
/// <param name="Input">The layout of x [N, C, H, W].</param>
/// <param name="Output">The layout of y [N, K, OH, OW].</param>
/// <param name="R">Rows of the kernel.</param>
/// <param name="S">Columns of the kernel.</param>
/// <param name="Stride">In both directions.</param>
/// <param name="Padding">Zero pixels on each side.</param>
public readonly record struct Conv2dGeometry(ActivationLayout Input, ActivationLayout Output, int R, int S, int Stride, int Padding)
{
    /// <summary>The geometry for an input and a weight shape.</summary>
    /// <param name="weight">[K, C, R, S].</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Conv2dGeometry Of(Device device, ActivationLayout input, ReadOnlySpan<int> weight, int stride, int padding)
    {
        if (weight.Length != 4)
            throw new ShapeException($"conv2d: the weight must have 4 dimensions [K, C, R, S], not {weight.Length}");
        var (k, c, r, s) = (weight[0], weight[1], weight[2], weight[3]);
        string shapes = $"x {input}, weight [{k}, {c}, {r}, {s}], stride {stride}, padding {padding}";
        if (c != input.C)
            throw new ShapeException($"conv2d: input has {input.C} channels, weight expects {c}; {shapes}");
        if (stride < 1 || padding < 0)
            throw new ShapeException($"conv2d: stride must be at least 1 and padding at least 0; {shapes}");
        int oh = (input.H + 2 * padding - r) / stride + 1, ow = (input.W + 2 * padding - s) / stride + 1;
        if (input.H + 2 * padding < r || input.W + 2 * padding < s)
            throw new ShapeException($"conv2d: the kernel is larger than the padded image; {shapes}");
        return new(input, ActivationLayout.Blocked(device, input.N, k, oh, ow), r, s, stride, padding);
    }

    /// <summary>Output channels.</summary>
    public int K => Output.C;

    /// <summary>Input channels.</summary>
    public int C => Input.C;

    /// <summary>Elements of the weight.</summary>
    public int WeightLength => K * C * R * S;

    /// <summary>Floating-point operations of the definition, the same for each of the three passes.</summary>
    public double Flops => 2.0 * Output.N * Output.H * Output.W * K * C * R * S;

    /// <summary>Bytes of x, y and the weight.</summary>
    public double Bytes =>
        4.0 * ((double)Input.N * Input.C * Input.H * Input.W + (double)Output.N * Output.C * Output.H * Output.W + WeightLength);

    /// <summary>
    /// Which of <paramref name="size"/> taps connect an input pixel at position <paramref name="phase"/> modulo Stride to an output pixel.
    /// </summary>
    internal int[] TapsOfPhase(int size, int phase)
    {
        var (stride, padding) = (Stride, Padding);
        return [.. Enumerable.Range(0, size).Where(r => (phase + padding - r) % stride == 0)];
    }

    /// <summary>How far outside dy the input gradient reads, in pixels.</summary>
    internal int InputGradientReach => Math.Max(Reach(Input.H, R, Output.H), Reach(Input.W, S, Output.W));

    private int Reach(int pixels, int taps, int outputs)
    {
        int reach = 0;
        for (int phase = 0; phase < Math.Min(Stride, pixels); phase++)
            foreach (int r in TapsOfPhase(taps, phase))
            {
                int first = (phase + Padding - r) / Stride, last = first + (pixels - 1 - phase) / Stride;
                reach = Math.Max(reach, Math.Max(-first, last - (outputs - 1)));
            }
        return reach;
    }

    /// <summary>For traces and messages.</summary>
    public override string ToString() => $"{Input} -> {Output} {R}x{S} stride {Stride} padding {Padding}";
}
