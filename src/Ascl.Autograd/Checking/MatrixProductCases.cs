using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Products of matrices and of batches of them.</summary>
internal static class MatrixProductCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (a, b) in new (int[], int[])[]
        {
            ([3, 5], [5, 4]), ([2, 3, 5], [5, 4]), ([2, 2, 3, 5], [1, 5, 4]), ([3, 2, 5], [3, 5, 4]), ([2, 3, 4, 5], [2, 3, 5, 19]),
            ([4, 5], [3, 5, 2]), ([2, 1, 3, 4], [3, 4, 2]), ([1, 2, 3, 4], [2, 1, 4, 2]), ([2, 17, 16], [2, 16, 17]),
            ([2, 3, 1], [2, 1, 3]), ([2, 1, 4], [2, 4, 1]), ([1, 1, 2, 3], [2, 1, 3, 2]), ([1, 1, 2, 3], [1, 1, 3, 2]),
        })
            yield return new("mat_mul", $"{new Shape(a)} and {new Shape(b)}", [inputs.Draw("a", a), inputs.Draw("b", b)],
                t => t[0].MatMul(t[1]), v => ReferenceTensors.MatMul(v[0], a, v[1], b));
        yield return new("mat_mul", "a vector and a matrix", [inputs.Draw("a", 5), inputs.Draw("b", 5, 4)], t => t[0].MatMul(t[1]),
            v => ReferenceTensors.MatMul(v[0], [1, 5], v[1], [5, 4]));
        yield return new("mat_mul", "matrices and a vector", [inputs.Draw("a", 2, 3, 5), inputs.Draw("b", 5)], t => t[0].MatMul(t[1]),
            v => ReferenceTensors.MatMul(v[0], [2, 3, 5], v[1], [5, 1]));
        yield return new("mat_mul", "a vector and matrices", [inputs.Draw("a", 5), inputs.Draw("b", 2, 5, 3)], t => t[0].MatMul(t[1]),
            v => ReferenceTensors.MatMul(v[0], [1, 5], v[1], [2, 5, 3]));
        yield return new("mat_mul", "two vectors", [inputs.Draw("a", 5), inputs.Draw("b", 5)], t => t[0].MatMul(t[1]),
            v => ReferenceTensors.MatMul(v[0], [1, 5], v[1], [5, 1]));
        yield return new("mat_mul", "attention", [inputs.Draw("q", 2, 17, 8), inputs.Draw("k", 2, 17, 8), inputs.Draw("v", 2, 17, 8)],
            t => t[0].MatMul(t[1].Transpose(0, 2, 1)).Softmax(-1).MatMul(t[2]), v => Attention(v[0], v[1], v[2]));

        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
            {
                int[] a = transposeA ? [5, 3] : [3, 5], b = transposeB ? [4, 5] : [5, 4];
                foreach (var (c, alpha, beta) in new (int[]?, float, float)[]
                    { (null, 1, 1), ([4], 1, 1), ([1, 4], 1, 1), ([3, 1], 1, 1), ([], 0.5f, -2), ([3, 4], 1, 0.25f) })
                {
                    OpInput[] both = [inputs.Draw("a", a), inputs.Draw("b", b)];
                    yield return new("gemm",
                        $"{(transposeA ? "aᵀ" : "a")}·{(transposeB ? "bᵀ" : "b")}, c {(c is null ? "none" : new Shape(c))}",
                        c is null ? both : [.. both, inputs.Draw("c", c)],
                        t => t[0].Gemm(t[1], c is null ? null : t[2], alpha, beta, transposeA, transposeB),
                        v => Gemm(v, c, alpha, beta, transposeA, transposeB));
                }
            }
    }

    private static double[] Gemm(double[][] v, int[]? c, double alpha, double beta, bool transposeA, bool transposeB)
    {
        double[] a = transposeA ? ReferenceTensors.Transpose(v[0], [5, 3], [1, 0]) : v[0];
        double[] b = transposeB ? ReferenceTensors.Transpose(v[1], [4, 5], [1, 0]) : v[1];
        double[] product = ReferenceTensors.MatMul(a, [3, 5], b, [5, 4]);
        return c is null ? product : ReferenceTensors.Map(product, [3, 4], v[2], c, (x, y) => alpha * x + beta * y);
    }

    private static double[] Attention(double[] q, double[] k, double[] v)
    {
        double[] scores = ReferenceTensors.MatMul(q, [2, 17, 8], ReferenceTensors.Transpose(k, [2, 17, 8], [0, 2, 1]), [2, 8, 17]);
        return ReferenceTensors.MatMul([.. scores.Chunk(17).SelectMany(ReferenceTensors.Softmax)], [2, 17, 17], v, [2, 17, 8]);
    }
}
