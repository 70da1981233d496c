using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// What a convolution, or its input gradient, does to each result before it is stored: relu?(result + bias[k] + residual), and 0 where gate ≤ 0. All
/// parts are optional. With BatchNorm's evaluation mode folded into weight and bias, this is a whole layer in one pass; the backward pass adds the
/// gradient that came another way and masks the sum by the ReLU that made its input.
/// </summary>
/// <param name="Bias">A value a channel.</param>
/// <param name="Residual">An activation laid out as the result.</param>
/// <param name="Relu">Negative results become 0; NaN stays NaN.</param>
/// <param name="Gate">An activation laid out as the result.</param>
public readonly record struct Conv2dEpilogue(DeviceBuffer<float>? Bias = null, DeviceBuffer<float>? Residual = null, bool Relu = false, DeviceBuffer<float>? Gate = null)
{
    public bool IsNone => Bias is null && Residual is null && !Relu && Gate is null;
}
