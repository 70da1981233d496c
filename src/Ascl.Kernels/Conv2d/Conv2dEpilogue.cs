using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// What a convolution, or its input gradient, applies to each result before the store: relu?(result + bias[k] + residual), then 0 where
/// gate ≤ 0. All parts are optional. With evaluation-mode BatchNorm folded into weight and bias, a whole layer is one pass. The backward
/// pass uses Residual to add a gradient from another path and Gate to mask the sum by the ReLU that produced its input.
/// </summary>
/// <param name="Bias">[K], one value per channel.</param>
/// <param name="Residual">An activation in the result's layout.</param>
/// <param name="Relu">Whether negative results become 0; NaN stays NaN.</param>
/// <param name="Gate">An activation in the result's layout.</param>
public readonly record struct Conv2dEpilogue(
    DeviceBuffer<float>? Bias = null, DeviceBuffer<float>? Residual = null, bool Relu = false, DeviceBuffer<float>? Gate = null)
{
    /// <summary>Whether results are stored unchanged.</summary>
    public bool IsNone => Bias is null && Residual is null && !Relu && Gate is null;
}
