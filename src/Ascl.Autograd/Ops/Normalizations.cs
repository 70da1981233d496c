using Ascl.Core.Diagnostics;
using Ascl.Kernels.Standardize;

namespace Ascl.Autograd.Ops;

/// <summary>Normalisation by statistics of each image: layer, group and instance norms of plain tensors.</summary>
public static class NormalizationOps
{
    /// <summary>(x − mean)/√(variance + epsilon) of each row [length], the variance being the mean of the squared deviations.</summary>
    /// <param name="x">Plain [rows, length].</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Tensor StandardizeRows(this Tensor x, float epsilon)
    {
        const string name = "standardize_rows";
        PlainShapes.Require(name, x);
        if (x.Shape.Rank != 2 || x.Shape[1] == 0)
            throw new ShapeException($"{name}: rows [n, length] are needed, not {x.Shape}");
        var (rows, length) = (x.Shape[0], x.Shape[1]);
        Tensor y = Tensor.EmptyLike(x), inverseStd = Tensor.Empty(x.Device, new(rows));
        StandardizeKernels.Forward(rows, length, x.Data, epsilon, y.Data, inverseStd.Data);
        return y.Record(name, (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            StandardizeKernels.Backward(rows, length, y.Data, inverseStd.Data, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>scale·(x − mean)/√(variance + epsilon) + bias over all dimensions from an axis on (Ba et al. 2016).</summary>
    /// <param name="x">Plain.</param>
    /// <param name="axis">The first dimension normalised over; negative from the last.</param>
    /// <param name="scale">Of a shape that broadcasts to x's, usually its last dimensions; null for 1.</param>
    /// <param name="bias">Likewise; null for 0.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Tensor LayerNorm(this Tensor x, int axis, Tensor? scale, Tensor? bias, float epsilon)
    {
        const string name = "layer_norm";
        PlainShapes.Require(name, x);
        axis = PlainShapes.Axis(name, x.Shape, axis);
        int rows = PlainShapes.Product(x.Shape.Sizes[..axis]), length = PlainShapes.Product(x.Shape.Sizes[axis..]);
        return Affine(name, x.Reshape(new(rows, length)).StandardizeRows(epsilon).Reshape(x.Shape), scale, bias);
    }

    /// <summary>
    /// scale[c]·(x − mean)/√(variance + epsilon) + bias[c], with the statistics of a group of channels of an image (Wu &amp; He 2018).
    /// Groups of one channel make an instance norm.
    /// </summary>
    /// <param name="x">Plain [N, C, ...].</param>
    /// <param name="groups">A divisor of C.</param>
    /// <param name="scale">[C], or null for 1.</param>
    /// <param name="bias">[C], or null for 0.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Tensor GroupNorm(this Tensor x, int groups, Tensor? scale, Tensor? bias, float epsilon)
    {
        const string name = "group_norm";
        PlainShapes.Require(name, x);
        if (x.Shape.Rank < 2 || groups < 1 || x.Shape[1] % groups != 0)
            throw new ShapeException($"{name}: {groups} groups of the channels of {x.Shape}");
        var (n, channels) = (x.Shape[0], x.Shape[1]);
        int inner = PlainShapes.Product(x.Shape.Sizes[2..]);
        Tensor y = x.Reshape(new(n * groups, channels / groups * inner)).StandardizeRows(epsilon).Reshape(new(n, channels, inner));
        return Affine(name, y, PerChannel(scale), PerChannel(bias)).Reshape(x.Shape);

        Tensor? PerChannel(Tensor? values)
        {
            if (values is not null && values.Shape.Length != channels)
                throw new ShapeException($"{name}: {values.Shape} for {channels} channels");
            return values?.Reshape(new(channels, 1));
        }
    }

    private static Tensor Affine(string name, Tensor x, Tensor? scale, Tensor? bias)
    {
        Shape shape = x.Shape;
        foreach (Tensor? values in new[] { scale, bias })
            if (values is not null && PlainShapes.Broadcast(name, values.Shape, shape) != shape)
                throw new ShapeException($"{name}: {values.Shape} does not broadcast to {shape}");
        if (scale is not null)
            x = x.Multiply(scale);
        return bias is null ? x : x.Add(bias);
    }
}
