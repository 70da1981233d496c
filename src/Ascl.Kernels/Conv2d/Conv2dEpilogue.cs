using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// What a convolution, or its input gradient, applies to each result before the store: relu?(result + bias[k] + residual), at most Limit,
/// then 0 where gate ≤ 0 or gate ≥ GateLimit. All parts are optional. With evaluation-mode BatchNorm folded into weight and bias, a whole
/// layer is one pass. The backward
/// pass uses Residual to add a gradient from another path and Gate to mask the sum by the ReLU that produced its input.
/// </summary>
/// <param name="Bias">[K], one value per channel.</param>
/// <param name="Residual">An activation in the result's layout.</param>
/// <param name="Relu">Whether negative results become 0; NaN stays NaN.</param>
/// <param name="Gate">An activation in the result's layout.</param>
/// <param name="Limit">Upper bound of the results, with Relu: 6 for ReLU6; 0 or ∞ for none.</param>
/// <param name="GateLimit">Upper bound that the gate was computed with; 0 or ∞ for none.</param>
public readonly record struct Conv2dEpilogue(
    DeviceBuffer<float>? Bias = null, DeviceBuffer<float>? Residual = null, bool Relu = false, DeviceBuffer<float>? Gate = null,
    float Limit = float.PositiveInfinity, float GateLimit = float.PositiveInfinity)
{
    /// <summary>Whether results are stored unchanged.</summary>
    public bool IsNone => Bias is null && Residual is null && !Relu && Gate is null;

    /// <summary>Whether results or the gate have an upper bound.</summary>
    public bool HasLimits => IsBound(Limit) || IsBound(GateLimit);

    /// <summary>The results' upper bound, ∞ for none.</summary>
    internal float Upper => IsBound(Limit) ? Limit : float.PositiveInfinity;

    /// <summary>The gate's upper bound, ∞ for none.</summary>
    internal float GateUpper => IsBound(GateLimit) ? GateLimit : float.PositiveInfinity;

    /// <summary>What a kernel applies that knows no upper bounds, before <see cref="ApplyLimits"/>.</summary>
    internal Conv2dEpilogue WithoutLimits => this with
    {
        Limit = float.PositiveInfinity,
        GateLimit = float.PositiveInfinity,
        Gate = IsBound(GateLimit) ? null : Gate,
    };

    /// <summary>Applies upper bounds in a pass of its own.</summary>
    internal void ApplyLimits(DeviceBuffer<float> y)
    {
        if (IsBound(Limit))
            ElementwiseKernels.Limit(y, Limit, y);
        if (Gate is not null && IsBound(GateLimit))
            ElementwiseKernels.LimitedReluBackward(y, Gate, GateLimit, y);
    }

    // The default value of the structure has 0 here.
    private static bool IsBound(float limit) => limit > 0 && !float.IsPositiveInfinity(limit);
}
