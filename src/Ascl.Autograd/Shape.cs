using Ascl.Core.Diagnostics;

namespace Ascl.Autograd;

/// <summary>The sizes of a tensor's dimensions, outermost first.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int[] sizes;

    public Shape(params ReadOnlySpan<int> sizes)
    {
        long length = 1;
        foreach (int size in sizes)
            length = size >= 0 ? checked(length * size) : throw new ShapeException($"a dimension is negative: [{string.Join(", ", sizes.ToArray())}]");
        Length = length <= int.MaxValue ? (int)length : throw new ShapeException($"too many values: [{string.Join(", ", sizes.ToArray())}]");
        this.sizes = sizes.ToArray();
    }

    /// <summary>Number of values.</summary>
    public int Length { get; }
    public int Rank => Sizes.Length;
    public ReadOnlySpan<int> Sizes => sizes;
    public int this[int dimension] => sizes[dimension];

    public bool Equals(Shape other) => Sizes.SequenceEqual(other.Sizes);
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);
    public override int GetHashCode() => sizes.Aggregate(17, HashCode.Combine);
    public override string ToString() => $"[{string.Join(", ", sizes)}]";
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);
}
