using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="ImageOps.Normalize"/>.</summary>
/// <param name="Mean">[C], or empty.</param>
/// <param name="Std">[C], or empty.</param>
public sealed record NormalizeOp(float[] Mean, float[] Std) : Op("normalize");

/// <summary>Conversions between plain pixels or features and activations.</summary>
public static class ImageOps
{
    /// <summary>The network's input normalisation: (x − mean[c])/std[c] as image planes for the first convolution.</summary>
    /// <param name="images">Plain [N, C, H, W].</param>
    /// <param name="mean">[C], or empty for 0.</param>
    /// <param name="std">[C], or empty for 1.</param>
    public static Tensor Normalize(this Tensor images, float[] mean, float[] std)
    {
        RequirePlain(images, "normalize");
        if ((mean.Length != 0 && mean.Length != images.Shape[1]) || mean.Length != std.Length)
            throw new ShapeException($"normalize: images have {images.Shape[1]} channels, mean {mean.Length} and std {std.Length} values");
        float[] scale = [.. std.Select(s => 1 / s)];
        Tensor planes = Tensor.Empty(images.Device, images.Shape, TensorLayout.Planes);
        ActivationKernels.FromPlain(planes.ActivationLayout, images.Data, mean, scale, planes.Data);
        return planes.Record(new NormalizeOp(mean, std), (images, dy => ToPlain(dy, scale)));
    }

    /// <summary>Plain [N, C, H, W] to an activation.</summary>
    public static Tensor ToActivation(this Tensor plain)
    {
        RequirePlain(plain, "to_activation");
        return FromPlain(plain, TensorLayout.Activation).Record("to_activation", (plain, dy => ToPlain(dy, [])));
    }

    /// <summary>An activation or image planes to plain features [N, C·H·W].</summary>
    public static Tensor Flatten(this Tensor x)
    {
        Shape flat = new(x.Shape[0], x.Shape[1] * x.Shape[2] * x.Shape[3]);
        return ToPlain(x, []).Viewed(flat).Record("flatten", (x, dy => FromPlain(dy.Viewed(x.Shape), x.Layout)));
    }

    private static Tensor FromPlain(Tensor plain, TensorLayout layout)
    {
        Tensor activation = Tensor.Empty(plain.Device, plain.Shape, layout);
        ActivationKernels.FromPlain(activation.ActivationLayout, plain.Data, default, default, activation.Data);
        return activation;
    }

    private static Tensor ToPlain(Tensor activation, float[] scale)
    {
        Tensor plain = Tensor.Empty(activation.Device, activation.Shape);
        ActivationKernels.ToPlain(activation.ActivationLayout, activation.Data, scale, plain.Data);
        return plain;
    }

    private static void RequirePlain(Tensor x, string op)
    {
        if (x.Layout != TensorLayout.Plain || x.Shape.Rank != 4)
            throw new ShapeException($"{op}: plain images [N, C, H, W] are needed, not a {x.Layout} tensor of shape {x.Shape}");
    }
}
