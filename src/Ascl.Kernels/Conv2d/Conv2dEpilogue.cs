using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// What a convolution, or its input gradient, applies to each result before the store: relu?(result + bias[k] + residual), at most Limit,
/// then 0 where gate ≤ 0 or gate ≥ GateLimit. All parts are optional. With evaluation-mode BatchNorm folded into weight and bias, a whole
/// layer is one pass. The backward pass uses Residual to add a gradient from another path and Gate to mask the sum by the ReLU that
/// produced its input.
/// </summary>
/// <param name="Bias">[K], one value per channel.</param>
/// <param name="Residual">An activation in the result's layout.</param>
/// <param name="Relu">Whether negative results become 0; NaN stays NaN.</param>
/// <param name="Gate">An activation in the result's layout.</param>
/// <param name="Limit">With Relu: the upper bound of the results, such as 6.</param>
/// <param name="GateLimit">The upper bound of the ReLU that produced the gate.</param>
public readonly record struct Conv2dEpilogue(
    DeviceBuffer<float>? Bias = null, DeviceBuffer<float>? Residual = null, bool Relu = false, DeviceBuffer<float>? Gate = null,
    float? Limit = null, float? GateLimit = null)
{
    /// <summary>Whether results are stored unchanged.</summary>
    public bool IsNone => Bias is null && Residual is null && !Relu && Gate is null;

    /// <summary>Whether results or the gate have an upper bound.</summary>
    public bool HasLimits => Limit is not null || GateLimit is not null;

    /// <summary>What a kernel applies that knows no upper bounds, before <see cref="ApplyLimits"/>.</summary>
    internal Conv2dEpilogue WithoutLimits => this with { Limit = null, GateLimit = null, Gate = GateLimit is null ? Gate : null };

    /// <summary>Applies upper bounds in a pass of its own.</summary>
    internal void ApplyLimits(DeviceBuffer<float> y)
    {
        if (Limit is { } limit)
            ElementwiseKernels.Limit(y, limit, y);
        if (Gate is not null && GateLimit is { } gateLimit)
            ElementwiseKernels.LimitedReluBackward(y, Gate, gateLimit, y);
    }
}
