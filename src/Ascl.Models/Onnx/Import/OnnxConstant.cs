using Ascl.Autograd;
using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import;

/// <summary>
/// An array of an ONNX graph whose values are known before an image is: an initialiser, or what shape arithmetic yields. Numbers of all
/// floating-point types are floats here, all integers and truth values are long.
/// </summary>
internal sealed class OnnxConstant
{
    /// <summary>Shape arithmetic needs a few numbers; a graph that computes more than this for one constant, or for all,
    /// is damaged.</summary>
    public const int MostComputed = 1 << 24, MostComputedOfAll = 1 << 26;

    private OnnxConstant(Shape shape, float[]? floats, long[]? integers) =>
        (Shape, FloatsOrNull, IntegersOrNull) = (shape, floats, integers);

    /// <summary>Its sizes; none for a scalar.</summary>
    public Shape Shape { get; }

    /// <summary>Number of values.</summary>
    public int Length => Shape.Length;

    /// <summary>Whether the values are floating-point numbers.</summary>
    public bool IsFloat => FloatsOrNull is not null;

    /// <summary>The values as floats, row-major.</summary>
    public float[] Floats => FloatsOrNull ?? Array.ConvertAll(IntegersOrNull!, value => (float)value);

    /// <summary>The values as doubles, row-major, which hold the integers of sizes exactly.</summary>
    public double[] Doubles => FloatsOrNull is { } floats
        ? Array.ConvertAll(floats, value => (double)value)
        : Array.ConvertAll(IntegersOrNull!, value => (double)value);

    /// <summary>The values as integers, row-major; floats are cut off, as ONNX's Cast does.</summary>
    public long[] Integers => IntegersOrNull ?? Array.ConvertAll(FloatsOrNull!, value => (long)value);

    private float[]? FloatsOrNull { get; }
    private long[]? IntegersOrNull { get; }

    public static OnnxConstant Of(Shape shape, float[] values) => new(Checked(shape, values.Length), values, null);

    public static OnnxConstant Of(Shape shape, long[] values) => new(Checked(shape, values.Length), null, values);

    /// <summary>A vector of integers.</summary>
    public static OnnxConstant Of(params ReadOnlySpan<long> values) => Of(new Shape(values.Length), values.ToArray());

    /// <summary>The same values in another shape of the same length.</summary>
    public OnnxConstant Reshaped(Shape shape) => new(Checked(shape, Length), FloatsOrNull, IntegersOrNull);

    /// <summary>Values picked by their positions, in a new shape.</summary>
    public OnnxConstant Picked(Shape shape, Func<int, int> position)
    {
        if (shape.Length > MostComputed)
            throw new ShapeException($"a constant of shape {shape} would be computed: is a size damaged?");
        int[] at = [.. Enumerable.Range(0, shape.Length).Select(position)];
        return IsFloat ? Of(shape, Array.ConvertAll(at, i => FloatsOrNull![i])) : Of(shape, Array.ConvertAll(at, i => IntegersOrNull![i]));
    }

    /// <summary>The single value as a float.</summary>
    public float Float => Length == 1 ? Floats[0] : throw new ShapeException($"one number is needed, not {Shape}");

    /// <summary>The single value as an integer.</summary>
    public long Integer => Length == 1 ? Integers[0] : throw new ShapeException($"one integer is needed, not {Shape}");

    private static Shape Checked(Shape shape, int length) =>
        shape.Length == length ? shape : throw new ShapeException($"{length} values for shape {shape}");
}
