using Ascl.Core.Diagnostics;
using Ascl.Kernels.Channels;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>Arithmetic on activations [N, C, H, W] with one number a channel.</summary>
public static class ChannelArithmeticOps
{
    /// <summary>y[n, c, h, w] = x[n, c, h, w]·factor[n, c], or ·factor[c].</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="factor">Plain [C], [1, C] or [N, C].</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor ScaleChannels(this Tensor x, Tensor factor) => Affine("scale_channels", x, factor, null, false);

    /// <summary>y[n, c, h, w] = x[n, c, h, w] + term[n, c], or + term[c].</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="term">Plain [C], [1, C] or [N, C].</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor AddChannels(this Tensor x, Tensor term) => Affine("add_channels", x, null, term, false);

    /// <summary>relu?(x·scale + shift) in one pass, such as a BatchNorm of fixed statistics.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="scale">Plain [C], [1, C] or [N, C].</param>
    /// <param name="shift">Plain [C], [1, C] or [N, C].</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor AffineChannels(this Tensor x, Tensor scale, Tensor shift, bool relu = false) =>
        Affine("affine_channels", x, scale, shift, relu);

    /// <summary>x where x &gt; 0, else slope[c]·x (He et al. 2015); the gradient at 0 is that below 0, as in PyTorch.</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="slope">Plain [C], or [1] for all channels.</param>
    /// <exception cref="ShapeException">The shapes do not fit, or x is not an activation.</exception>
    public static Tensor PRelu(this Tensor x, Tensor slope)
    {
        ActivationLayout layout = LayoutOf("p_relu", x);
        ChannelValues slopes = slope.Shape == new Shape(1) && slope.Layout == TensorLayout.Plain
            ? ChannelValues.OfAll(slope.Data)
            : Values("p_relu", x, slope);
        if (slopes.ImageStride != 0)
            throw new ShapeException($"p_relu: one slope a channel is needed for x {x.Shape}, not {slope.Shape}");
        Tensor y = Tensor.EmptyLike(x);
        ChannelArithmeticKernels.PRelu(layout, x.Data, slopes, y.Data);
        JointVjp<Gradients> backward = new((dy, _) =>
        {
            Gradients made = new(x.RequiresGrad ? Tensor.EmptyLike(x) : null, slope.RequiresGrad ? Tensor.EmptyLike(slope) : null, null);
            ChannelArithmeticKernels.PReluBackward(layout, dy.Data, x.Data, slopes, made.Input?.Data, Like(slopes, made.Scale));
            return made;
        });
        return y.Record("p_relu", To(backward, x, g => g.Input), To(backward, slope, g => g.Scale));
    }

    private static Tensor Affine(string op, Tensor x, Tensor? scale, Tensor? shift, bool relu)
    {
        ActivationLayout layout = LayoutOf(op, x);
        ChannelValues? scales = scale is null ? null : Values(op, x, scale), shifts = shift is null ? null : Values(op, x, shift);
        Tensor y = Tensor.EmptyLike(x);
        ChannelArithmeticKernels.Affine(layout, x.Data, scales, shifts, relu, y.Data);
        y.Rectified = relu;
        JointVjp<Gradients> backward = new((dy, masked) =>
        {
            bool gated = relu && !masked;
            // Without a factor and a mask the input's gradient is dy itself.
            Tensor? dx = x.RequiresGrad && (scale is not null || gated) ? Tensor.EmptyLike(x) : null;
            Tensor? dscale = scale is { RequiresGrad: true } ? Tensor.EmptyLike(scale) : null;
            Tensor? dshift = shift is { RequiresGrad: true } ? Tensor.EmptyLike(shift) : null;
            ChannelArithmeticKernels.AffineBackward(layout, dy.Data, gated ? y.Data : null, dscale is null ? null : x.Data, scales,
                dx?.Data, Like(scales, dscale), Like(shifts, dshift));
            return new(dx ?? dy, dscale, dshift);
        });
        List<Edge> edges = [To(backward, x, g => g.Input)];
        if (scale is not null)
            edges.Add(To(backward, scale, g => g.Scale));
        if (shift is not null)
            edges.Add(To(backward, shift, g => g.Shift));
        return y.Record(op, [.. edges]);
    }

    private static ActivationLayout LayoutOf(string op, Tensor x) =>
        x.Layout == TensorLayout.Activation
            ? x.ActivationLayout
            : throw new ShapeException($"{op}: an activation is needed, not a {x.Layout} tensor of shape {x.Shape}");

    private static ChannelValues Values(string op, Tensor x, Tensor values)
    {
        int n = x.Shape[0], c = x.Shape[1];
        if (values.Layout == TensorLayout.Plain)
        {
            if (values.Shape == new Shape(c) || values.Shape == new Shape(1, c))
                return ChannelValues.OfChannels(values.Data);
            if (values.Shape == new Shape(n, c))
                return ChannelValues.OfImages(values.Data, c);
        }
        throw new ShapeException($"{op}: plain [{c}] or [{n}, {c}] is needed for x {x.Shape}, not a {values.Layout} tensor {values.Shape}");
    }

    /// <summary>The same strides for a gradient; null if there is none.</summary>
    private static ChannelValues? Like(ChannelValues? values, Tensor? gradient) =>
        gradient is null ? null : values!.Value with { Data = gradient.Data };

    private static Edge To(JointVjp<Gradients> backward, Tensor input, Func<Gradients, Tensor?> gradient) =>
        new(input, (dy, fusion) => gradient(backward.Of(dy, fusion))!, Fuses: false);

    private sealed record Gradients(Tensor? Input, Tensor? Scale, Tensor? Shift);
}
