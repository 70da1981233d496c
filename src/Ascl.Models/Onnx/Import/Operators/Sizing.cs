using Ascl.Autograd;
using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Limits of what an operator may make of its inputs, so that a damaged size takes neither the machine's memory nor
/// hours.</summary>
internal static class Sizing
{
    /// <summary>Values and multiplications that any pass may have: 1 GB, and seconds.</summary>
    public const double FreeValues = 1 << 28, FreeWork = 1L << 35;

    /// <summary>How often beyond that a pass may use each value of the images, and each weight for each pixel of each image (a convolution
    /// uses its weights at most once a pixel of its result).</summary>
    public const double UsesOfImage = 64, UsesOfWeight = 16;

    /// <summary>Values of one result of any number of images: 2 GB.</summary>
    private const int Most = 1 << 29;

    /// <exception cref="ShapeException">The shape has too many values, or would have if sizes of 0 were 1.</exception>
    public static Shape Checked(Shape shape) =>
        Values(shape) <= Most ? shape : throw new ShapeException($"a result of shape {shape} is too large");

    /// <summary>Values of a shape whose sizes of 0 were 1.</summary>
    public static double Values(Shape shape)
    {
        double values = 1;
        foreach (int size in shape.Sizes)
            values *= Math.Max(1, size);
        return values;
    }

    /// <summary>An upper bound of what a node computes from its inputs: the values of its result and the multiplications of its plain
    /// definition. 0 for an operator whose result is no larger than its inputs, or that checks its result itself.</summary>
    public static (double Values, double Work) Of(OnnxNode node, OnnxValue?[] inputs)
    {
        Shape[] shapes = [.. inputs.Where(input => input is not null).Select(input => input!.Shape)];
        Shape? x = inputs.Length > 0 ? inputs[0]?.Shape : null, w = inputs.Length > 1 ? inputs[1]?.Shape : null;
        switch (node.Type)
        {
            case "Conv" or "ascl.Conv" when x is { Rank: 4 } image && w is { Rank: 4 } weight:
                double pixels = Windows(node, image, 0, weight[2]) * Windows(node, image, 1, weight[3]);
                return Both(image[0] * pixels * weight[0], Values(weight) / Math.Max(1, weight[0]));
            case "ConvTranspose" when x is { Rank: 4 } image && w is { Rank: 4 } weight:
                return (0, Values(image) * Values(weight) / Math.Max(1, image[1]));
            case "MaxPool" or "AveragePool" when x is { Rank: 4 } image && node.Integers("kernel_shape") is { Length: 2 } kernel:
                return Both(image[0] * (double)image[1] * Windows(node, image, 0, kernel[0]) * Windows(node, image, 1, kernel[1]),
                    // What lies beyond the image costs nothing.
                    Math.Clamp(kernel[0], 1, Math.Max(1, image[2])) * (double)Math.Clamp(kernel[1], 1, Math.Max(1, image[3])));
            case "Gemm" when x is { Rank: 2 } a && w is { Rank: 2 } b:
                bool isTurned = node.Integer("transA", 0) != 0;
                return Both((double)a[isTurned ? 1 : 0] * b[node.Integer("transB", 0) != 0 ? 0 : 1], a[isTurned ? 0 : 1]);
            case "MatMul" when x is { Rank: > 0 } a && w is { Rank: > 0 } b:
                Shape outerA = new(a.Sizes[..Math.Max(0, a.Rank - 2)]), outerB = new(b.Sizes[..Math.Max(0, b.Rank - 2)]);
                return Both(Together([outerA, outerB]) * (a.Rank > 1 ? a[a.Rank - 2] : 1) * (b.Rank > 1 ? b[b.Rank - 1] : 1),
                    a[a.Rank - 1]);
            case "ascl.Linear" when x is { Rank: > 0 } rows && w is { Rank: 2 } weight:
                return Both(Values(rows) / Math.Max(1, weight[0]) * weight[1], weight[0]);
            case "Concat":
                return (shapes.Sum(Values), 0);
            case "RandomNormal" or "RandomUniform":
                return ((node.Integers("shape") ?? []).Aggregate(1.0, (product, size) => product * Math.Max(1, size)), 0);
            case "Add" or "Sub" or "Mul" or "Div" or "Pow" or "Max" or "Min" or "Sum" or "Mean" or "Where" or "Equal" or "Less"
                or "LessOrEqual" or "Greater" or "GreaterOrEqual" or "And" or "Or" or "PRelu":
                return (Together(shapes), 0);
            default:
                return (0, 0);
        }

        static (double, double) Both(double values, double workEach) => (values, values * workEach);
    }

    /// <summary>At most so many windows along an axis of the image.</summary>
    private static double Windows(OnnxNode node, Shape image, int axis, double kernel)
    {
        double size = image[2 + axis];
        double stride = node.Integers("strides") is { Length: 2 } strides ? Math.Max(1, strides[axis]) : 1;
        if (node.Text("auto_pad", "NOTSET") is "SAME_UPPER" or "SAME_LOWER")
            return Math.Ceiling(size / stride);
        double pads = node.Integers("pads") is { Length: 4 } given ? Math.Max(0.0, given[axis]) + Math.Max(0.0, given[2 + axis]) : 0;
        double dilation = node.Integers("dilations") is { Length: 2 } dilations ? Math.Max(1, dilations[axis]) : 1;
        return Math.Max(0, Math.Floor((size + pads - (kernel - 1) * dilation - 1) / stride) + 2);
    }

    /// <summary>Values of what shapes broadcast to.</summary>
    private static double Together(Shape[] shapes)
    {
        double values = 1;
        for (int i = 1; i <= shapes.Max(shape => (int?)shape.Rank).GetValueOrDefault(); i++)
            values *= Math.Max(1, shapes.Max(shape => i <= shape.Rank ? shape[shape.Rank - i] : 1));
        return values;
    }
}
