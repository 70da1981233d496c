using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Reductions, softmaxes and norms.</summary>
internal static class ReductionCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        (string Op, Func<Tensor, int[], bool, Tensor> Run, Func<double[], double> Of)[] reductions =
        [
            ("sum_over", (x, axes, keep) => x.SumOver(axes, keep), x => x.Sum()),
            ("mean_over", (x, axes, keep) => x.MeanOver(axes, keep), x => x.Average()),
            ("max_over", (x, axes, keep) => x.MaxOver(axes, keep), x => x.Max()),
            ("min_over", (x, axes, keep) => x.MinOver(axes, keep), x => x.Min()),
        ];
        foreach (var (op, run, of) in reductions)
        {
            foreach (var (shape, axes) in new (int[], int[])[]
            {
                ([], []), ([7], [0]), ([3, 70], [1]), ([3, 70], [-2]), ([2, 3, 4, 5], [1, 2]), ([2, 3, 4, 5], [0, 2]),
                ([2, 3, 4, 5], [3, 1, 0, 2]), ([2, 1, 3, 1, 17], [1, 2]), ([2, 3], []), ([2, 67, 19], [1]),
            })
                yield return new(op, $"axes {string.Join(", ", axes)} of {new Shape(shape)}", [inputs.Draw("x", shape)],
                    t => run(t[0], axes, axes.Length % 2 == 0),
                    v => ReferenceTensors.Reduce(v[0], shape, [.. axes.Select(a => a < 0 ? a + shape.Length : a)], of));
            yield return new(op, "a long axis", [inputs.Draw("x", 600, 3)], t => run(t[0], [0], false),
                v => ReferenceTensors.Reduce(v[0], [600, 3], [0], of));
        }
        OpInput tied = inputs.Draw("x", 3, 4, 5).Rounded(1);
        foreach (int sign in new[] { 1, -1 })
            yield return new(sign > 0 ? "max_over" : "min_over", "ties", [tied],
                t => sign > 0 ? t[0].MaxOver([0, 2], false) : t[0].MinOver([0, 2], false),
                v => ReferenceTensors.Reduce(v[0], [3, 4, 5], [0, 2], x => sign * x.Max(e => sign * e)))
            { Convention = (v, dy) => [FirstOfEquals(v[0], dy, sign)] };

        foreach (var (shape, axis) in new (int[], int)[]
            { ([5], 0), ([3, 19], -1), ([2, 3, 4], 1), ([2, 3, 1], -1), ([2, 2, 40], 2), ([4, 3], 0) })
        {
            OpInput x = inputs.Draw("x", shape).Times(4);
            int own = axis < 0 ? axis + shape.Length : axis;
            yield return new("softmax", $"axis {axis} of {x.Shape}", [x], t => t[0].Softmax(axis),
                v => ReferenceTensors.Along(v[0], shape, own, shape[own], ReferenceTensors.Softmax));
            yield return new("log_softmax", $"axis {axis} of {x.Shape}", [x], t => t[0].LogSoftmax(axis),
                v => ReferenceTensors.Along(v[0], shape, own, shape[own],
                    row => [.. ReferenceTensors.Softmax(row).Select(p => Math.Log(p))]));
        }
        yield return new("softmax", "logits up to 200", [inputs.Draw("x", 3, 5).Times(200)], t => t[0].Softmax(1),
            v => ReferenceTensors.Along(v[0], [3, 5], 1, 5, ReferenceTensors.Softmax));
        foreach (OpCase c in Norms(inputs))
            yield return c;
    }

    private static IEnumerable<OpCase> Norms(CaseInputs inputs)
    {
        foreach (var (n, d) in new[] { (5, 19), (3, 64), (2, 2), (1, 1100) })
            yield return new("standardize_rows", $"[{n}, {d}]", [inputs.Draw("x", n, d)], t => t[0].StandardizeRows(1e-3f),
                v => ReferenceTensors.Standardize(v[0], d, (double)1e-3f));
        yield return new("standardize_rows", "equal values", [inputs.Draw("x", 1, 5) with { Values = [3, 3, 3, 3, 3] }],
            t => t[0].StandardizeRows(0.5f), v => ReferenceTensors.Standardize(v[0], 5, 0.5));

        OpInput scale = inputs.Draw("scale", 7), bias = inputs.Draw("bias", 7);
        yield return new("layer_norm", "the last axis, scale and bias", [inputs.Draw("x", 2, 3, 7), scale, bias],
            t => t[0].LayerNorm(-1, t[1], t[2], 1e-5f), v => Affine(ReferenceTensors.Standardize(v[0], 7, (double)1e-5f), v[1], v[2], 1));
        yield return new("layer_norm", "two axes", [inputs.Draw("x", 2, 3, 7)], t => t[0].LayerNorm(1, null, null, 1e-5f),
            v => ReferenceTensors.Standardize(v[0], 21, (double)1e-5f));
        yield return new("layer_norm", "scale of two axes", [inputs.Draw("x", 2, 3, 7), inputs.Draw("scale", 3, 7)],
            t => t[0].LayerNorm(-2, t[1], null, 1e-5f), v => Affine(ReferenceTensors.Standardize(v[0], 21, (double)1e-5f), v[1], null, 1));

        OpInput four = inputs.Draw("scale", 4), shift = inputs.Draw("bias", 4);
        foreach (int groups in new[] { 1, 2, 4 })
            yield return new("group_norm", $"{groups} groups", [inputs.Draw("x", 2, 4, 3, 5), four, shift],
                t => t[0].GroupNorm(groups, t[1], t[2], 1e-2f),
                v => Affine(ReferenceTensors.Standardize(v[0], 60 / groups, (double)1e-2f), v[1], v[2], 15));
        yield return new("group_norm", "[N, C], no scale", [inputs.Draw("x", 3, 6)], t => t[0].GroupNorm(2, null, null, 1e-2f),
            v => ReferenceTensors.Standardize(v[0], 3, (double)1e-2f));
    }

    /// <summary>Scale and bias, each value of which is for <paramref name="run"/> adjacent ones.</summary>
    private static double[] Affine(double[] x, double[] scale, double[]? bias, int run) =>
        [.. x.Select((v, i) => v * scale[i / run % scale.Length] + (bias is null ? 0 : bias[i / run % bias.Length]))];

    /// <summary>For axes 0 and 2 of [3, 4, 5].</summary>
    private static double[] FirstOfEquals(double[] x, double[] dy, int sign)
    {
        double[] dx = new double[x.Length];
        for (int b = 0; b < 4; b++)
        {
            int best = -1;
            for (int a = 0; a < 3; a++)
                for (int c = 0; c < 5; c++)
                {
                    int at = (a * 4 + b) * 5 + c;
                    best = best < 0 || sign * x[at] > sign * x[best] ? at : best;
                }
            dx[best] = dy[b];
        }
        return dx;
    }
}
