using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Pool2d;

/// <summary>
/// Pooling: windows over an image and its padding. Pixels outside the image are never a maximum and add nothing to a mean; pixels that no
/// window covers are ignored.
/// </summary>
/// <param name="Input">The layout of x.</param>
/// <param name="Output">The layout of y.</param>
/// <param name="Window">The windows.</param>
/// <param name="CountPadding">Whether a mean is over the window's pixels in the image and the padding, not only those in the image.
/// </param>
public readonly record struct Pool2dGeometry(ActivationLayout Input, ActivationLayout Output, Window2d Window, bool CountPadding)
{
    /// <summary>Square windows without padding, whole ones only.</summary>
    /// <exception cref="ShapeException">The window is larger than the image, or the input is not an activation.</exception>
    public static Pool2dGeometry Of(Device device, ActivationLayout input, int size, int stride) =>
        Of(device, input, new Window2d(size, size, stride, stride));

    /// <summary>The geometry for an input.</summary>
    /// <param name="device">Where it is.</param>
    /// <param name="input">The layout of x.</param>
    /// <param name="window">The windows.</param>
    /// <param name="ceilMode">
    /// Whether windows that reach over the bottom and right padding count, if they begin in the image or in the padding before it.
    /// </param>
    /// <param name="countPadding">Whether a mean is over pixels of the padding too; what lies beyond it never counts.</param>
    /// <exception cref="ShapeException">No window fits, one has no pixel in the image, or the input is not an activation.</exception>
    public static Pool2dGeometry Of(
        Device device, ActivationLayout input, Window2d window, bool ceilMode = false, bool countPadding = false)
    {
        if (input.Block == 1)
            throw new ShapeException($"pool2d: image planes must pass a convolution first; x {input}");
        int h, w;
        try
        {
            (h, w) = (window.OutputHeight(input.H), window.OutputWidth(input.W));
        }
        catch (ShapeException e)
        {
            throw new ShapeException($"pool2d: {e.Message}; x {input}");
        }
        if (ceilMode)
        {
            h = WithPart(h, window.StrideY, input.H, window.Top, window.Bottom, window.Height, window.DilationY);
            w = WithPart(w, window.StrideX, input.W, window.Left, window.Right, window.Width, window.DilationX);
        }
        Pool2dGeometry g = new(input, ActivationLayout.Blocked(device, input.N, input.C, h, w), window, countPadding);
        if (Array.Exists(g.Rows(), taps => taps.IsEmpty) || Array.Exists(g.Columns(), taps => taps.IsEmpty))
            throw new ShapeException($"pool2d: a window {window} has no pixel in x {input}");
        return g;
    }

    /// <summary>For traces and messages.</summary>
    public override string ToString() => $"{Input} -> {Output} window {Window}";

    /// <summary>For each row of windows its rows of pixels.</summary>
    internal PoolTaps[] Rows() =>
        PoolTaps.Of(Output.H, Input.H, Window.Height, Window.StrideY, Window.Top, Window.Bottom, Window.DilationY, CountPadding);

    /// <summary>For each column of windows its columns of pixels.</summary>
    internal PoolTaps[] Columns() =>
        PoolTaps.Of(Output.W, Input.W, Window.Width, Window.StrideX, Window.Left, Window.Right, Window.DilationX, CountPadding);

    /// <summary>The windows when the last need not be whole: one more where pixels are left and it begins at one of the image's.</summary>
    private static int WithPart(int whole, int stride, int pixels, int before, int after, int size, int dilation)
    {
        int covered = (whole - 1) * stride + (size - 1) * dilation + 1;
        return covered < pixels + before + after && whole * stride < pixels + before ? whole + 1 : whole;
    }
}

/// <summary>The rows, or columns, of pixels that one row, or column, of windows has in the image.</summary>
/// <param name="First">The first pixel in the image.</param>
/// <param name="Count">Pixels in the image, each a dilation apart.</param>
/// <param name="Counted">Pixels that a mean is over.</param>
internal readonly record struct PoolTaps(int First, int Count, int Counted)
{
    public bool IsEmpty => Count <= 0;

    public static PoolTaps[] Of(int windows, int pixels, int size, int stride, int before, int after, int dilation, bool countPadding)
    {
        PoolTaps[] taps = new PoolTaps[windows];
        for (int i = 0; i < windows; i++)
        {
            int start = i * stride - before, skipped = start < 0 ? Math.Min(size, (dilation - 1 - start) / dilation) : 0;
            taps[i] = new(start + skipped * dilation, Below(start, pixels) - skipped,
                countPadding ? Below(start, pixels + after) : Below(start, pixels) - skipped);
        }
        return taps;

        // How many of the window's pixels are before a limit.
        int Below(int start, int limit) => start >= limit ? 0 : Math.Min(size, (limit - 1 - start) / dilation + 1);
    }
}
