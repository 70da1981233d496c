using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Pool2d;

/// <summary>Pooling with square windows and no padding; pixels that no whole window covers are ignored.</summary>
/// <param name="Input">The layout of x.</param>
/// <param name="Output">The layout of y.</param>
/// <param name="Size">Side of a window, in pixels.</param>
/// <param name="Stride">Distance between windows, in pixels.</param>
public readonly record struct Pool2dGeometry(ActivationLayout Input, ActivationLayout Output, int Size, int Stride)
{
    /// <summary>The geometry for an input.</summary>
    /// <exception cref="ShapeException">The window is larger than the image, or the input is not an activation.</exception>
    public static Pool2dGeometry Of(Device device, ActivationLayout input, int size, int stride)
    {
        if (size < 1 || stride < 1 || size > input.H || size > input.W)
            throw new ShapeException($"pool2d: window {size}, stride {stride} do not fit x {input}");
        if (input.Block == 1)
            throw new ShapeException($"pool2d: image planes must pass a convolution first; x {input}");
        return new(input, ActivationLayout.Blocked(device, input.N, input.C, (input.H - size) / stride + 1, (input.W - size) / stride + 1),
            size, stride);
    }

    /// <summary>For traces and messages.</summary>
    public override string ToString() => $"{Input} -> {Output} window {Size} stride {Stride}";
}
