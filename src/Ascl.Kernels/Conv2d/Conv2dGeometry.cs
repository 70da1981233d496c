using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The shapes of a convolution: y[n, k, oy, ox] = Σ over c, r, s of x[n, c, oy·StrideY + r·DilationY − Top, ox·StrideX + s·DilationX −
/// Left] · w[k, c − first, r, s], zero outside x. The sum runs over the C/Groups channels of k's group, of which first is the first. The
/// weight w is plain [K, C/Groups, R, S].
/// </summary>
/// <param name="Input">The layout of x [N, C, H, W].</param>
/// <param name="Output">The layout of y [N, K, OH, OW].</param>
/// <param name="Window">Size, strides, padding and dilation.</param>
/// <param name="Groups">Divides K and C: the first K/Groups channels of y see the first C/Groups of x only, and so on.</param>
public readonly record struct Conv2dGeometry(ActivationLayout Input, ActivationLayout Output, Window2d Window, int Groups = 1)
    : IFastShape
{
    /// <summary>The geometry for an input and a weight shape.</summary>
    /// <param name="weight">[K, C, R, S].</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Conv2dGeometry Of(Device device, ActivationLayout input, ReadOnlySpan<int> weight, int stride, int padding) =>
        Of(device, input, weight, weight.Length == 4
            ? new Window2d(weight[2], weight[3], stride, stride, padding, padding, padding, padding)
            : default, groups: 1);

    /// <summary>The geometry for an input, a weight shape and a window of its size.</summary>
    /// <param name="weight">[K, C/groups, R, S].</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Conv2dGeometry Of(Device device, ActivationLayout input, ReadOnlySpan<int> weight, Window2d window, int groups)
    {
        string shapes = Check("conv2d", input, weight, window, groups);
        if (weight[1] * groups != input.C)
            throw new ShapeException($"conv2d: input has {input.C} channels, weight expects {weight[1] * groups}; {shapes}");
        if (weight[0] % groups != 0)
            throw new ShapeException($"conv2d: {groups} groups do not divide {weight[0]} output channels; {shapes}");
        if (input.H + window.Top + window.Bottom < Span(window.Height, window.DilationY)
            || input.W + window.Left + window.Right < Span(window.Width, window.DilationX))
            throw new ShapeException($"conv2d: the kernel is larger than the padded image; {shapes}");
        ActivationLayout output =
            ActivationLayout.Blocked(device, input.N, weight[0], window.OutputHeight(input.H), window.OutputWidth(input.W));
        return new(input, output, window, groups);
    }

    /// <summary>
    /// The convolution whose input gradient is the transposed convolution of <paramref name="x"/>: x is its Output, and its Input has
    /// (H − 1)·StrideY + DilationY·(R − 1) + 1 − Top − Bottom + <paramref name="paddingY"/> rows, and likewise columns.
    /// </summary>
    /// <param name="weight">[channels of x, K/groups, R, S].</param>
    /// <param name="paddingY">Further rows at the bottom of the result.</param>
    /// <param name="paddingX">Further columns at its right.</param>
    /// <exception cref="ShapeException">The shapes do not match.</exception>
    public static Conv2dGeometry OfTransposed(
        Device device, ActivationLayout x, ReadOnlySpan<int> weight, Window2d window, int groups, int paddingY, int paddingX)
    {
        string shapes = $"{Check("conv_transpose2d", x, weight, window, groups)}, output padding {paddingY}, {paddingX}";
        if (weight[0] != x.C || x.C % groups != 0)
            throw new ShapeException($"conv_transpose2d: x needs the weight's {weight[0]} channels in {groups} equal groups; {shapes}");
        if (x.Block == 1)
            throw new ShapeException($"conv_transpose2d: image planes must pass a convolution first; {shapes}");
        int h = (x.H - 1) * window.StrideY + Span(window.Height, window.DilationY) + paddingY - window.Top - window.Bottom;
        int w = (x.W - 1) * window.StrideX + Span(window.Width, window.DilationX) + paddingX - window.Left - window.Right;
        if (h < 1 || w < 1 || paddingY < 0 || paddingX < 0)
            throw new ShapeException($"conv_transpose2d: the result would have {h} x {w} pixels; {shapes}");
        return new(ActivationLayout.Blocked(device, x.N, weight[1] * groups, h, w), x, window, groups);
    }

    /// <summary>Pixels from the first tap to the last.</summary>
    private static int Span(int taps, int dilation) => (taps - 1) * dilation + 1;

    private static string Check(string op, ActivationLayout x, ReadOnlySpan<int> weight, Window2d window, int groups)
    {
        if (weight.Length != 4)
            throw new ShapeException($"{op}: the weight must have 4 dimensions, not {weight.Length}");
        string shapes = $"x {x}, weight [{weight[0]}, {weight[1]}, {weight[2]}, {weight[3]}], {window}, groups {groups}";
        if ((window.Height, window.Width) != (weight[2], weight[3]))
            throw new ShapeException($"{op}: the window is not of the weight's size; {shapes}");
        if (window.StrideY < 1 || window.StrideX < 1 || window.DilationY < 1 || window.DilationX < 1 || groups < 1)
            throw new ShapeException($"{op}: stride, dilation and groups must be at least 1; {shapes}");
        if (window.Top < 0 || window.Left < 0 || window.Bottom < 0 || window.Right < 0)
            throw new ShapeException($"{op}: padding must be at least 0; {shapes}");
        return shapes;
    }

    /// <summary>Output channels.</summary>
    public int K => Output.C;

    /// <summary>Input channels.</summary>
    public int C => Input.C;

    /// <summary>Rows of the kernel.</summary>
    public int R => Window.Height;

    /// <summary>Columns of the kernel.</summary>
    public int S => Window.Width;

    /// <summary>Output channels of a group.</summary>
    public int GroupOutputs => K / Groups;

    /// <summary>Input channels of a group.</summary>
    public int GroupInputs => C / Groups;

    /// <summary>Elements of the weight.</summary>
    public int WeightLength => K * GroupInputs * R * S;

    /// <summary>Floating-point operations of the definition, the same for each of the three passes.</summary>
    public double Flops => 2.0 * Output.N * Output.H * Output.W * K * GroupInputs * R * S;

    /// <summary>Bytes of x, y and the weight.</summary>
    public double Bytes =>
        4.0 * ((double)Input.N * Input.C * Input.H * Input.W + (double)Output.N * Output.C * Output.H * Output.W + WeightLength);

    double IFastShape.FlopsOnCpu => Conv2dKernels.FlopsOnCpu(this);

    /// <summary>Whether every channel of x is a group, in channel blocks.</summary>
    internal bool IsDepthwise => Groups == C && Groups > 1 && Input.Block > 1;

    /// <summary>
    /// Whether <see cref="Stride"/> and <see cref="Padding"/> say all about the window, there is one group, and y has all the pixels that
    /// fit (a transposed convolution may have been given more padding than its stride).
    /// </summary>
    internal bool IsUniform =>
        Groups == 1 && Window == new Window2d(R, S, Stride, Stride, Padding, Padding, Padding, Padding)
            && Output.H == Window.OutputHeight(Input.H) && Output.W == Window.OutputWidth(Input.W);

    /// <summary>The stride in both directions, if <see cref="IsUniform"/>.</summary>
    internal int Stride => Window.StrideY;

    /// <summary>The padding on all sides, if <see cref="IsUniform"/>.</summary>
    internal int Padding => Window.Top;

    internal ConvolutionAxis Vertical => new(Input.H, Output.H, R, Window.StrideY, Window.Top, Window.DilationY);

    internal ConvolutionAxis Horizontal => new(Input.W, Output.W, S, Window.StrideX, Window.Left, Window.DilationX);

    /// <summary>How far outside x the convolution reads, in pixels.</summary>
    internal int InputReach => Math.Max(Vertical.InputReach, Horizontal.InputReach);

    /// <summary>How far outside dy the input gradient reads, in pixels.</summary>
    internal int InputGradientReach => Math.Max(Vertical.GradientReach, Horizontal.GradientReach);

    /// <summary>The index in the weight of (k, c, tap); −1 if there is none, because they are not of a group or no channels.</summary>
    internal int WeightAt(int k, int c, int tap) =>
        k < K && c < C && k / GroupOutputs == c / GroupInputs ? (k * GroupInputs + c % GroupInputs) * R * S + tap : -1;

    /// <summary>For traces and messages.</summary>
    public override string ToString() => $"{Input} -> {Output} {Window}{(Groups > 1 ? $" groups {Groups}" : "")}";
}
