using Ascl.Core.Diagnostics;

namespace Ascl.Autograd.Ops;

/// <summary>Arithmetic on activations [N, C, H, W] with one number a channel.</summary>
public static class ChannelArithmeticOps
{
    /// <summary>y[n, c, h, w] = x[n, c, h, w]·factor[n, c], or ·factor[c].</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="factor">Plain [C], [1, C] or [N, C].</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor ScaleChannels(this Tensor x, Tensor factor) => throw new NotSupportedException();

    /// <summary>y[n, c, h, w] = x[n, c, h, w] + term[n, c], or + term[c].</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="term">Plain [C], [1, C] or [N, C].</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor AddChannels(this Tensor x, Tensor term) => throw new NotSupportedException();

    /// <summary>relu?(x·scale + shift) in one pass, such as a BatchNorm of fixed statistics.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="scale">Plain [C], [1, C] or [N, C].</param>
    /// <param name="shift">Plain [C], [1, C] or [N, C].</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor AffineChannels(this Tensor x, Tensor scale, Tensor shift, bool relu = false) => throw new NotSupportedException();

    /// <summary>x where x &gt; 0, else slope[c]·x (He et al. 2015); the gradient at 0 is that of the negative side, as in PyTorch.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="slope">Plain [C], or [1] for all channels.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor PRelu(this Tensor x, Tensor slope) => throw new NotSupportedException();
}
