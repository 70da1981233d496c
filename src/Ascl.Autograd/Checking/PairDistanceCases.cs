using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>
/// L1 distances between all rows of two matrices, with row lengths that leave vectors partly empty, and with equal coordinates.
/// </summary>
internal static class PairDistanceCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (n, m, d) in new[] { (3, 4, 7), (1, 1, 1), (5, 2, 33), (4, 6, 16) })
            yield return Case($"[{n}, {d}] and [{m}, {d}]", inputs.Draw("a", n, d), inputs.Draw("b", m, d));
        OpInput a = inputs.Draw("a", 3, 19).Rounded(2), b = inputs.Draw("b", 4, 19).Rounded(2);
        yield return Case("equal coordinates", a,
            b) with
        {
            Convention = (v, dy) =>
                [Gradient(v[0], v[1], 19, (i, j) => dy[i * 4 + j]), Gradient(v[1], v[0], 19, (j, i) => dy[i * 4 + j])]
        };
    }

    private static OpCase Case(string variant, OpInput a, OpInput b) => new("pair_distances", variant, [a, b],
        t => t[0].PairDistances(t[1]),
        v => [.. v[0].Chunk(a.Shape[1]).SelectMany(u => v[1].Chunk(a.Shape[1]).Select(w => u.Zip(w, (x, y) => Math.Abs(x - y)).Sum()))]);

    private static double[] Gradient(double[] own, double[] other, int d, Func<int, int, double> dDistance) =>
        [.. own.Select((x, at) => other.Chunk(d).Select((row, j) => dDistance(at / d, j) * Math.Sign(x - row[at % d])).Sum())];
}
