using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// What a convolution does to each result before it is stored: y = relu?(conv + bias[k] + residual). All parts are optional. With BatchNorm's
/// evaluation mode folded into weight and bias, this is a whole layer in one pass.
/// </summary>
/// <param name="Bias">[K].</param>
/// <param name="Residual">An activation laid out as y.</param>
/// <param name="Relu">Negative results become 0; NaN stays NaN.</param>
public readonly record struct Conv2dEpilogue(DeviceBuffer<float>? Bias = null, DeviceBuffer<float>? Residual = null, bool Relu = false)
{
    public bool IsNone => Bias is null && Residual is null && !Relu;
}
