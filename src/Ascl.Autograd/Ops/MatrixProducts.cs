using Ascl.Core.Diagnostics;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.ReduceAxis;

namespace Ascl.Autograd.Ops;

/// <summary>Products of plain matrices and of batches of them.</summary>
public static class MatrixProductOps
{
    /// <summary>
    /// NumPy's matmul: [..., M, K]·[..., K, N] with batch dimensions that broadcast. A vector a counts as a row, a vector b as a column,
    /// and their dimension is not in the result.
    /// </summary>
    public static Tensor MatMul(this Tensor a, Tensor b)
    {
        const string name = "mat_mul";
        PlainShapes.Require(name, a, b);
        if (a.Shape.Rank == 0 || b.Shape.Rank == 0 || a.Shape.Sizes[^1] != b.Shape[Math.Max(0, b.Shape.Rank - 2)])
            throw new ShapeException($"{name}: {a.Shape} and {b.Shape} do not fit");
        bool isRow = a.Shape.Rank == 1, isColumn = b.Shape.Rank == 1;
        Tensor left = isRow ? a.Reshape(new(1, a.Shape[0])) : a, right = isColumn ? b.Reshape(new(b.Shape[0], 1)) : b;
        Shape batchA = new(left.Shape.Sizes[..^2]), batchB = new(right.Shape.Sizes[..^2]);
        Shape batch = PlainShapes.Broadcast(name, batchA, batchB);
        int m = left.Shape.Sizes[^2], k = left.Shape.Sizes[^1], n = right.Shape.Sizes[^1];
        Tensor y;
        if (batchB.Length == 1 && (right.Shape.Rank == 2 || batchA.Length > 1))
        {
            // All rows of all matrices in one product.
            y = Product(name, new(false, false, null, batchA.Length * m, n, k), left.Reshape(new(batchA.Length * m, k)),
                right.Reshape(new(k, n)), null);
        }
        else
        {
            y = Product(name, new(false, false, batch.Length, m, n, k), Matrices(left, batchA, batch), Matrices(right, batchB, batch),
                null);
        }
        int[] sizes = isRow ? isColumn ? [] : [n] : isColumn ? [m] : [m, n];
        return y.Reshape(new([.. batch.Sizes, .. sizes]));
    }

    /// <summary>alpha·A·B + beta·c, A and B being a and b or their transposes.</summary>
    /// <param name="a">[M, K], or [K, M] if it is transposed.</param>
    /// <param name="b">[K, N], or [N, K] if it is transposed.</param>
    /// <param name="c">Broadcasts to [M, N]; null for 0.</param>
    /// <param name="alpha">The product's factor.</param>
    /// <param name="beta">c's factor.</param>
    /// <param name="transposeA">Whether A is aᵀ.</param>
    /// <param name="transposeB">Whether B is bᵀ, as the weight [O, I] of a linear layer.</param>
    public static Tensor Gemm(this Tensor a, Tensor b, Tensor? c, float alpha, float beta, bool transposeA, bool transposeB)
    {
        const string name = "gemm";
        PlainShapes.Require(name, a, b);
        if (a.Shape.Rank != 2 || b.Shape.Rank != 2 || a.Shape[transposeA ? 0 : 1] != b.Shape[transposeB ? 1 : 0])
            throw new ShapeException(
                $"{name}: {a.Shape}{(transposeA ? " transposed" : "")} and {b.Shape}{(transposeB ? " transposed" : "")} do not fit");
        int m = a.Shape[transposeA ? 1 : 0], k = a.Shape[transposeA ? 0 : 1], n = b.Shape[transposeB ? 0 : 1];
        if (c is not null && PlainShapes.Broadcast(name, c.Shape, new(m, n)) != new Shape(m, n))
            throw new ShapeException($"{name}: c {c.Shape} does not broadcast to [{m}, {n}]");
        bool isBias = c is { Shape.Rank: > 0 } && c.Shape.Length == n && c.Shape.Sizes[^1] == n && alpha == 1 && beta == 1;
        Tensor y = Product(name, new(transposeA, transposeB, null, m, n, k), a, b, isBias ? c : null);
        if (alpha != 1)
            y = y.Scale(alpha);
        return c is null || isBias || beta == 0 ? y : y.Add(beta == 1 ? c : c.Scale(beta));
    }

    /// <summary>Sizes of a product, or of a batch of equal ones. A batch of one is computed as a larger one, in float32.</summary>
    private readonly record struct Sizes(bool TransposeA, bool TransposeB, int? Batch, int M, int N, int K);

    /// <summary>Matrices [count, rows, columns] of a batch, or one for all: [1, rows, columns].</summary>
    private static Tensor Matrices(Tensor x, Shape own, Shape batch)
    {
        if (own != batch && own.Length != 1)
            x = x.Expand(new([.. batch.Sizes, x.Shape.Sizes[^2], x.Shape.Sizes[^1]]));
        return x.Reshape(new(own.Length == 1 && batch.Length != 1 ? 1 : batch.Length, x.Shape.Sizes[^2], x.Shape.Sizes[^1]));
    }

    /// <summary>The recorded product of matrices or of batches [1 or s.Batch, ...] of them.</summary>
    private static Tensor Product(string name, Sizes s, Tensor a, Tensor b, Tensor? bias)
    {
        Tensor y = Tensor.Empty(a.Device, s.Batch is { } batch ? new(batch, s.M, s.N) : new(s.M, s.N));
        Run(s, a, b, bias, y);
        Edge[] edges = [(a, BackwardA), (b, BackwardB)];
        return y.Record(name, bias is null ? edges : [.. edges, (bias, BackwardBias)]);

        Tensor BackwardA(Tensor dy) => s.TransposeA
            ? Gradient(new(s.TransposeB, true, s.Batch, s.K, s.M, s.N), b, dy, a)
            : Gradient(new(false, !s.TransposeB, s.Batch, s.M, s.K, s.N), dy, b, a);

        Tensor BackwardB(Tensor dy) => s.TransposeB
            ? Gradient(new(true, s.TransposeA, s.Batch, s.N, s.K, s.M), dy, a, b)
            : Gradient(new(!s.TransposeA, false, s.Batch, s.K, s.N, s.M), a, dy, b);

        Tensor BackwardBias(Tensor dy)
        {
            Tensor db = Tensor.EmptyLike(bias!);
            ReduceKernels.ColumnSums(s.M, s.N, dy.Data, db.Data);
            return db;
        }
    }

    /// <summary>The product of two factors as the gradient of an operand: summed over the batch if it had one matrix for all.</summary>
    private static Tensor Gradient(Sizes s, Tensor a, Tensor b, Tensor operand)
    {
        if (s.Batch is not { } batch || operand.Shape[0] == batch)
        {
            Tensor whole = Tensor.EmptyLike(operand);
            Run(s, a, b, null, whole);
            return whole;
        }
        Tensor each = Tensor.Empty(operand.Device, new(batch, s.M, s.N)), sum = Tensor.EmptyLike(operand);
        Run(s, a, b, null, each);
        ReduceAxisKernels.Sum(1, batch, s.M * s.N, each.Data, 1, sum.Data);
        each.Device.Pool.Return(each.Data);
        return sum;
    }

    private static void Run(Sizes s, Tensor a, Tensor b, Tensor? bias, Tensor y)
    {
        if (s.Batch is { } batch)
            GemmKernels.MultiplyBatch(s.TransposeA, s.TransposeB, batch, s.M, s.N, s.K, a.Data, a.Shape[0] == 1, b.Data, b.Shape[0] == 1,
                y.Data);
        else
            GemmKernels.Multiply(s.TransposeA, s.TransposeB, s.M, s.N, s.K, a.Data, b.Data, bias?.Data, y.Data);
    }
}
