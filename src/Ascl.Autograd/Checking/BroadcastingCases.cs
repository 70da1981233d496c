using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Ops of two tensors whose shapes broadcast.</summary>
internal static class BroadcastingCases
{
    private static readonly (int[] A, int[] B)[] Shapes =
    [
        ([3, 19], [19]), ([3, 19], [3, 1]), ([2, 3, 5], [3, 1]), ([2, 1, 4], [1, 3, 1]), ([1, 2, 1, 3, 1], [2, 2, 2, 1, 17]),
        ([], [2, 3]), ([5], []), ([], []), ([1], [1, 1, 1]), ([2, 3, 4], [2, 3, 4]), ([4, 1, 33], [4, 2, 33]),
    ];

    private sealed record Formula(
        string Op, Func<Tensor, Tensor, Tensor> Run, Func<double, double, double> Of, bool DividesBy = false, bool IsPower = false);

    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        Formula[] formulas =
        [
            new("add", (a, b) => a.Add(b), (a, b) => a + b),
            new("subtract", (a, b) => a.Subtract(b), (a, b) => a - b),
            new("multiply", (a, b) => a.Multiply(b), (a, b) => a * b),
            new("divide", (a, b) => a.Divide(b), (a, b) => a / b, DividesBy: true),
            new("maximum", (a, b) => a.Maximum(b), Math.Max),
            new("minimum", (a, b) => a.Minimum(b), Math.Min),
            new("power", (a, b) => a.Power(b), Math.Pow, IsPower: true),
        ];
        foreach (Formula f in formulas)
            foreach (var (shapeA, shapeB) in Shapes)
            {
                OpInput a = inputs.Draw("a", shapeA), b = inputs.Draw("b", shapeB);
                if (f.DividesBy)
                    b = b with { Values = [.. b.Values.Select(v => v < 0 ? v - 0.3f : v + 0.3f)] };
                if (f.IsPower)
                    (a, b) = (a with { Values = [.. a.Values.Select(v => 2 * MathF.Abs(v) + 0.2f)] }, b.Times(3));
                yield return new(f.Op, $"{a.Shape} and {b.Shape}", [a, b], t => f.Run(t[0], t[1]),
                    v => ReferenceTensors.Map(v[0], shapeA, v[1], shapeB, f.Of));
            }
        yield return new("subtract", "activations", [inputs.Draw("a", 2, 5, 3, 4), inputs.Draw("b", 2, 5, 3, 4)],
            t => t[0].ToActivation().Subtract(t[1].ToActivation()), v => [.. v[0].Zip(v[1], (a, b) => a - b)]);
        yield return new("divide", "a tensor and itself", [inputs.Draw("a", 3, 5)], t => t[0].Divide(t[0]),
            v => [.. v[0].Select(_ => 1.0)]);
        yield return new("power", "negative bases and whole exponents", [inputs.Draw("a", 3, 5).Times(2)],
            t => t[0].Power(Tensor.FromArray(t[0].Device, new(5), [-2, -1, 0, 1, 3])),
            v => ReferenceTensors.Map(v[0], [3, 5], [-2, -1, 0, 1, 3], [5], Math.Pow));

        // Ties, of quarters.
        OpInput x = inputs.Draw("a", 4, 9).Rounded(2), y = inputs.Draw("b", 9).Rounded(2);
        yield return new("maximum", "ties", [x, y], t => t[0].Maximum(t[1]), v => ReferenceTensors.Map(v[0], [4, 9], v[1], [9], Math.Max))
        { Convention = (v, dy) => Shares(v, dy, 1) };
        yield return new("minimum", "ties", [x, y], t => t[0].Minimum(t[1]), v => ReferenceTensors.Map(v[0], [4, 9], v[1], [9], Math.Min))
        { Convention = (v, dy) => Shares(v, dy, -1) };

        Func<double, double, bool>[] comparisons = [(a, b) => a == b, (a, b) => a < b, (a, b) => a <= b, (a, b) => a > b, (a, b) => a >= b];
        foreach (Comparison kind in Enum.GetValues<Comparison>())
            yield return new("compare", $"{kind}", [x, y], t => t[0].Compare(t[1], kind),
                v => ReferenceTensors.Map(v[0], [4, 9], v[1], [9], (a, b) => comparisons[(int)kind](a, b) ? 1 : 0))
            { Convention = (v, dy) => [new double[36], new double[9]] };
        yield return new("not", "with zeros", [x], t => t[0].Not(), v => [.. v[0].Select(a => a == 0 ? 1.0 : 0)])
        { Convention = (v, dy) => [new double[36]] };

        foreach (var (shapeC, shapeA, shapeB) in new (int[], int[], int[])[]
            { ([4, 9], [4, 9], [4, 9]), ([9], [2, 1, 9], [3, 1]), ([3, 1, 1], [], [2, 5]), ([], [3], [2, 1]) })
        {
            OpInput c = inputs.Draw("condition", shapeC), a = inputs.Draw("a", shapeA), b = inputs.Draw("b", shapeB);
            double[] condition = [.. c.Values.Select(v => v < 0 ? 0.0 : 1)];
            int[] shape = ReferenceTensors.Broadcast(ReferenceTensors.Broadcast(shapeC, shapeA), shapeB);
            yield return new("where", $"{c.Shape}, {a.Shape} and {b.Shape}", [a, b],
                t => Tensor.FromArray(t[0].Device, c.Shape, [.. condition.Select(v => (float)v)]).Where(t[0], t[1]),
                v => [.. ReferenceTensors.Coordinates(shape).Select(at => condition[ReferenceTensors.Position(at, shapeC)] != 0
                    ? v[0][ReferenceTensors.Position(at, shapeA)] : v[1][ReferenceTensors.Position(at, shapeB)])]);
        }
    }

    /// <summary>dy to the larger of sign·a and sign·b, half to each on a tie; a is [4, 9], b [9].</summary>
    private static double[][] Shares(double[][] v, double[] dy, int sign)
    {
        double[] da = new double[36], db = new double[9];
        for (int i = 0; i < 36; i++)
        {
            double share = (Math.Sign(sign * (v[0][i] - v[1][i % 9])) + 1) / 2.0;
            da[i] = share * dy[i];
            db[i % 9] += (1 - share) * dy[i];
        }
        return [da, db];
    }
}
