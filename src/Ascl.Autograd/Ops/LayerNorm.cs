using Ascl.Core.Diagnostics;
using Ascl.Kernels.LayerNorm;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>Layer normalisation of activations.</summary>
public static class LayerNormOps
{
    /// <summary>
    /// (x − mean)/√(variance + ε)·scale[c] + bias[c], with the mean and the biased variance of each pixel's channels (Ba, Kiros &amp;
    /// Hinton 2016, as ConvNeXt uses it).
    /// </summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="scale">Plain [C]; null for 1.</param>
    /// <param name="bias">Plain [C]; null for 0.</param>
    /// <param name="epsilon">ε.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor LayerNormChannels(this Tensor x, Tensor? scale, Tensor? bias, float epsilon)
    {
        if (x.Layout != TensorLayout.Activation)
            throw new ShapeException($"layer_norm_channels: an activation is needed, not a {x.Layout} tensor of shape {x.Shape}");
        foreach (Tensor? values in new[] { scale, bias })
            if (values is not null && (values.Layout != TensorLayout.Plain || values.Shape != new Shape(x.Shape[1])))
                throw new ShapeException($"layer_norm_channels: plain [{x.Shape[1]}] is needed for x {x.Shape}, not {values.Shape}");
        ActivationLayout layout = x.ActivationLayout;
        Shape pixels = new(LayerNormKernels.PixelsOf(layout));
        Tensor y = Tensor.EmptyLike(x), mean = Tensor.Empty(x.Device, pixels), inverseStd = Tensor.Empty(x.Device, pixels);
        LayerNormKernels.Forward(layout, x.Data, scale?.Data, bias?.Data, epsilon, mean.Data, inverseStd.Data, y.Data);
        JointVjp<Gradients> backward = new((dy, _) =>
        {
            Tensor? dx = x.RequiresGrad ? Tensor.EmptyLike(x) : null;
            Tensor? dscale = scale is { RequiresGrad: true } ? Tensor.EmptyLike(scale) : null;
            Tensor? dbias = bias is { RequiresGrad: true } ? Tensor.EmptyLike(bias) : null;
            LayerNormKernels.Backward(layout, dy.Data, x.Data, scale?.Data, mean.Data, inverseStd.Data, dx?.Data, dscale?.Data,
                dbias?.Data);
            return new(dx, dscale, dbias);
        });
        List<Edge> edges = [To(x, g => g.Input)];
        if (scale is not null)
            edges.Add(To(scale, g => g.Scale));
        if (bias is not null)
            edges.Add(To(bias, g => g.Bias));
        return y.Record("layer_norm_channels", [.. edges]);

        Edge To(Tensor input, Func<Gradients, Tensor?> gradient) =>
            new(input, (dy, fusion) => gradient(backward.Of(dy, fusion))!, Fuses: false);
    }

    private sealed record Gradients(Tensor? Input, Tensor? Scale, Tensor? Bias);
}
