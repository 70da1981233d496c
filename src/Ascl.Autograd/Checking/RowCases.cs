using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Row operations on plain matrices, and sums.</summary>
internal static class RowCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (n, i, o) in new[] { (3, 19, 5), (1, 4, 33), (5, 1, 1), (17, 8, 16) })
            yield return new("linear", $"[{n}, {i}] to {o}", [inputs.Draw("x", n, i), inputs.Draw("weight", o, i), inputs.Draw("bias", o)],
                t => t[0].Linear(t[1], t[2]), v => ReferenceRows.Linear(v[0], v[1], v[2]));

        foreach (var (n, m, d) in new[] { (3, 2, 7), (1, 1, 1), (2, 5, 32) })
            yield return new("concatenate", $"[{n}, {d}] and [{m}, {d}]", [inputs.Draw("a", n, d), inputs.Draw("b", m, d)],
                t => t[0].Concatenate(t[1]), v => [.. v[0], .. v[1]]);
        yield return new("concatenate", "a matrix and itself", [inputs.Draw("a", 3, 5)], t => t[0].Concatenate(t[0]),
            v => [.. v[0], .. v[0]]);

        foreach (var (from, count) in new[] { (0, 3), (2, 3), (4, 1), (0, 5) })
            yield return new("rows", $"{from}…{from + count - 1} of 5", [inputs.Draw("x", 5, 7)], t => t[0].Rows(from, count),
                v => v[0][(from * 7)..((from + count) * 7)]);
        yield return new("rows", "parts put together in another order", [inputs.Draw("x", 5, 7)],
            t => t[0].Rows(3, 2).Concatenate(t[0].Rows(0, 3)), v => [.. v[0][21..], .. v[0][..21]]);

        foreach (var (n, d) in new[] { (5, 19), (3, 1), (2, 64) })
            yield return new("normalize_rows", $"[{n}, {d}]", [inputs.Draw("x", n, d)], t => t[0].NormalizeRows(),
                v => ReferenceRows.Normalize(v[0], d));
        yield return new("normalize_rows", "a zero row", [inputs.Draw("x", 4, 6).WithRow(2)], t => t[0].NormalizeRows(),
            v => ReferenceRows.Normalize(v[0], 6))
        { Convention = (v, dy) => [ReferenceRows.NormalizeBackward(v[0], dy, 6)] };

        OpInput x = inputs.Draw("x", 5, 27);
        yield return new("sum", "all values", [x], t => t[0].Sum(), v => [v[0].Sum()]);
        yield return new("sum", "by −0.5", [x], t => t[0].Sum(-0.5f), v => [-0.5 * v[0].Sum()]);
        yield return new("mean", "all values", [x], t => t[0].Mean(), v => [v[0].Average()]);
    }
}
