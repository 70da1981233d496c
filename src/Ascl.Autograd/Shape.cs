using Ascl.Core.Diagnostics;

namespace Ascl.Autograd;

/// <summary>The sizes of a tensor's dimensions, outermost first.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int[] sizes;

    /// <summary>A shape of these sizes; none for a scalar.</summary>
    /// <exception cref="ShapeException">A size is negative, or there are more than <see cref="int.MaxValue"/> values.</exception>
    public Shape(params ReadOnlySpan<int> sizes)
    {
        long length = 1;
        foreach (int size in sizes)
            // Beyond int.MaxValue a product stays as it is, unless a size is 0.
            length = size >= 0
                ? length > int.MaxValue && size > 0 ? length : length * size
                : throw new ShapeException($"a dimension is negative: [{string.Join(", ", sizes.ToArray())}]");
        Length = length <= int.MaxValue
            ? (int)length
            : throw new ShapeException($"too many values: [{string.Join(", ", sizes.ToArray())}]");
        this.sizes = sizes.ToArray();
    }

    /// <summary>Number of values.</summary>
    public int Length { get; }

    /// <summary>Number of dimensions.</summary>
    public int Rank => Sizes.Length;

    /// <summary>The sizes, outermost first.</summary>
    public ReadOnlySpan<int> Sizes => sizes;

    /// <summary>The size of a dimension.</summary>
    public int this[int dimension] => sizes[dimension];

    /// <summary>Whether all sizes are equal.</summary>
    public bool Equals(Shape other) => Sizes.SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => sizes.Aggregate(17, HashCode.Combine);

    /// <summary>Such as "[2, 3]".</summary>
    public override string ToString() => $"[{string.Join(", ", sizes)}]";

    /// <summary>Whether all sizes are equal.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Whether a size differs.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);
}
