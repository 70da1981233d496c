namespace Ascl.Autograd.Checking;

/// <summary>Tensors of any rank in row-major order, in double precision, coordinate by coordinate.</summary>
internal static class ReferenceTensors
{
    /// <summary>All coordinates of a shape, in row-major order.</summary>
    public static IEnumerable<int[]> Coordinates(int[] shape)
    {
        int length = shape.Aggregate(1, (a, b) => a * b);
        for (int i = 0; i < length; i++)
        {
            int[] at = new int[shape.Length];
            for (int d = shape.Length - 1, rest = i; d >= 0; rest /= shape[d--])
                at[d] = rest % shape[d];
            yield return at;
        }
    }

    /// <summary>The position of coordinates; those beyond a size of 1, and those before a shorter shape, count as 0.</summary>
    public static int Position(int[] at, int[] shape)
    {
        int position = 0, missing = at.Length - shape.Length;
        for (int d = 0; d < shape.Length; d++)
            position = position * shape[d] + (shape[d] == 1 ? 0 : at[missing + d]);
        return position;
    }

    /// <summary>The shape that two shapes broadcast to.</summary>
    public static int[] Broadcast(int[] a, int[] b)
    {
        int rank = Math.Max(a.Length, b.Length);
        return [.. Enumerable.Range(0, rank).Select(d => Of(a, d) == 1 ? Of(b, d) : Of(a, d))];

        int Of(int[] shape, int d) => d < rank - shape.Length ? 1 : shape[d - rank + shape.Length];
    }

    /// <summary>f(a, b) with broadcasting.</summary>
    public static double[] Map(double[] a, int[] shapeA, double[] b, int[] shapeB, Func<double, double, double> f) =>
        [.. Coordinates(Broadcast(shapeA, shapeB)).Select(at => f(a[Position(at, shapeA)], b[Position(at, shapeB)]))];

    /// <summary>Dimension d of the result is dimension permutation[d] of x.</summary>
    public static double[] Transpose(double[] x, int[] shape, int[] permutation) =>
        [.. Coordinates([.. permutation.Select(d => shape[d])])
            .Select(at => x[Position([.. shape.Select((_, d) => at[Array.IndexOf(permutation, d)])], shape)])];

    /// <summary>A function of the values along some axes, in row-major order.</summary>
    public static double[] Reduce(double[] x, int[] shape, int[] axes, Func<double[], double> f)
    {
        int[] kept = [.. shape.Select((size, d) => axes.Contains(d) ? 1 : size)];
        return [.. Coordinates(kept).Select(at => f(
            [.. Coordinates([.. shape.Select((size, d) => axes.Contains(d) ? size : 1)])
                .Select(own => x[Position([.. own.Zip(at, (a, b) => a + b)], shape)])]))];
    }

    /// <summary>A function of the vectors along an axis, which gives vectors of some length.</summary>
    public static double[] Along(double[] x, int[] shape, int axis, int length, Func<double[], double[]> f)
    {
        int[] after = [.. shape.Select((size, d) => d == axis ? length : size)];
        return [.. Coordinates(after).Select(at => f(
            [.. Enumerable.Range(0, shape[axis]).Select(i => x[Position([.. at.Select((c, d) => d == axis ? i : c)], shape)])])[at[axis]])];
    }

    /// <summary>[..., M, K]·[..., K, N] with batch dimensions that broadcast.</summary>
    public static double[] MatMul(double[] a, int[] shapeA, double[] b, int[] shapeB)
    {
        int m = shapeA[^2], k = shapeA[^1], n = shapeB[^1];
        int[] batch = Broadcast(shapeA[..^2], shapeB[..^2]);
        return [.. Coordinates([.. batch, m, n]).Select(at => Enumerable.Range(0, k).Sum(i =>
            a[Position([.. at[..^2], at[^2], i], shapeA)] * b[Position([.. at[..^2], i, at[^1]], shapeB)]))];
    }

    /// <summary>(x − mean)/√(variance + ε) of each row [length].</summary>
    public static double[] Standardize(double[] x, int length, double epsilon) => [.. x.Chunk(length).SelectMany(row =>
    {
        double mean = row.Average(), variance = row.Average(v => (v - mean) * (v - mean));
        return row.Select(v => (v - mean) / Math.Sqrt(variance + epsilon));
    })];

    /// <summary>exp x/Σ exp x.</summary>
    public static double[] Softmax(double[] x)
    {
        double largest = x.Max(), sum = x.Sum(v => Math.Exp(v - largest));
        return [.. x.Select(v => Math.Exp(v - largest) / sum)];
    }
}
