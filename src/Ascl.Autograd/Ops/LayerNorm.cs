using Ascl.Core.Diagnostics;

namespace Ascl.Autograd.Ops;

/// <summary>Layer normalisation of activations.</summary>
public static class LayerNormOps
{
    /// <summary>
    /// (x − mean)/√(variance + ε)·scale[c] + bias[c], with the mean and the biased variance of each pixel's channels (Ba, Kiros &amp; Hinton
    /// 2016, as ConvNeXt uses it).
    /// </summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="scale">Plain [C]; null for 1.</param>
    /// <param name="bias">Plain [C]; null for 0.</param>
    /// <param name="epsilon">ε.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor LayerNormChannels(this Tensor x, Tensor? scale, Tensor? bias, float epsilon) => throw new NotSupportedException();
}
