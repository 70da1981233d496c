using Ascl.Core.Diagnostics;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Broadcast;

/// <summary>Three plain operands of shapes that broadcast, by NumPy's rules, to that of a result.</summary>
public sealed class BroadcastGeometry
{
    private BroadcastGeometry(StridedWalk walk, int[] lengths) => (Walk, Lengths) = (walk, lengths);

    internal StridedWalk Walk { get; }

    /// <summary>Values of each operand.</summary>
    internal int[] Lengths { get; }

    /// <summary>The geometry of shapes a, b and c that broadcast to <paramref name="result"/>.</summary>
    /// <param name="result">The result's shape.</param>
    /// <param name="a">The first operand's shape.</param>
    /// <param name="b">The second operand's shape.</param>
    /// <param name="c">The third operand's; that of a for formulas of two values.</param>
    /// <exception cref="ShapeException">A shape does not broadcast to the result's.</exception>
    public static BroadcastGeometry Of(ReadOnlySpan<int> result, ReadOnlySpan<int> a, ReadOnlySpan<int> b, ReadOnlySpan<int> c) => new(
        new StridedWalk(result, StridedWalk.Broadcast(a, result), StridedWalk.Broadcast(b, result), StridedWalk.Broadcast(c, result)),
        [Product(a), Product(b), Product(c)]);

    /// <summary>The merged dimensions.</summary>
    public override string ToString() => $"[{string.Join(", ", Walk.Sizes)}]";

    private static int Product(ReadOnlySpan<int> sizes)
    {
        int product = 1;
        foreach (int size in sizes)
            product *= size;
        return product;
    }
}
