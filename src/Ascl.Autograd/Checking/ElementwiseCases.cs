using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Elementwise ops.</summary>
internal static class ElementwiseCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        OpInput activation = inputs.Draw("x", 2, 5, 3, 4), plain = inputs.Draw("x", 7, 19);
        yield return new("relu", "activation", [activation], t => t[0].ToActivation().Relu(), v => Relu(v[0]));
        yield return new("relu", "matrix", [plain], t => t[0].Relu(), v => Relu(v[0]));
        yield return new("relu", "values at 0", [plain.Rounded(1)], t => t[0].Relu(), v => Relu(v[0]))
        { Convention = (v, dy) => [[.. dy.Select((d, i) => v[0][i] > 0 ? d : 0)]] };

        (string Name, Func<Tensor, Tensor> Op, Func<double, double> Formula)[] smooth =
        [
            ("silu", x => x.Silu(), x => x / (1 + Math.Exp(-x))),
            ("softplus", x => x.Softplus(), x => (Math.Max(0, 10 * x) + Math.Log(1 + Math.Exp(-Math.Abs(10 * x)))) / 10),
            ("gelu", x => x.Gelu(), x => x * NormalDistribution(x)),
        ];
        foreach (var (name, op, formula) in smooth)
        {
            yield return new(name, "activation", [activation], t => op(t[0].ToActivation()), v => [.. v[0].Select(formula)]);
            yield return new(name, "values up to 9", [plain.Times(9)], t => op(t[0]), v => [.. v[0].Select(formula)]);
            yield return new(name, "values at 0", [plain.Rounded(1)], t => op(t[0]), v => [.. v[0].Select(formula)]);
        }

        OpInput weight = inputs.Draw("weight", 3, 5, 3, 3);
        yield return new("softplus", "before a convolution, which needs the border to be zero", [activation, weight],
            t => t[0].ToActivation().Softplus().Conv2d(t[1], padding: 1),
            v => ReferenceConv2d.Forward([.. v[0].Select(smooth[1].Formula)], (2, 5, 3, 4), v[1], (3, 3, 3), 1, 1));

        OpInput a = inputs.Draw("a", 2, 5, 3, 4), b = inputs.Draw("b", 2, 5, 3, 4);
        yield return new("add", "activations", [a, b], t => t[0].ToActivation().Add(t[1].ToActivation()),
            v => [.. v[0].Zip(v[1], (x, y) => x + y)]);
        yield return new("add", "a tensor and itself", [a], t => t[0].Add(t[0]), v => [.. v[0].Select(x => x + x)]);
        yield return new("add_scaled", "a − 1.25 b", [a, b], t => t[0].AddScaled(t[1], -1.25f),
            v => [.. v[0].Zip(v[1], (x, y) => x - 1.25 * y)]);
        yield return new("add_scaled", "a tensor and itself", [a], t => t[0].AddScaled(t[0], 2), v => [.. v[0].Select(x => 3 * x)]);
        yield return new("scale", "by −0.75", [a], t => t[0].Scale(-0.75f), v => [.. v[0].Select(x => -0.75 * x)]);
        yield return new("scale", "by 0", [a], t => t[0].Scale(0), v => new double[v[0].Length]);
        yield return new("multiply", "activations", [a, b], t => t[0].ToActivation().Multiply(t[1].ToActivation()),
            v => [.. v[0].Zip(v[1], (x, y) => x * y)]);
        yield return new("multiply", "a tensor and itself", [a], t => t[0].Multiply(t[0]), v => [.. v[0].Select(x => x * x)]);
        yield return new("abs", "activation", [activation], t => t[0].ToActivation().Abs(), v => [.. v[0].Select(Math.Abs)]);
        yield return new("abs", "values at 0", [plain.Rounded(1)], t => t[0].Abs(), v => [.. v[0].Select(Math.Abs)])
        { Convention = (v, dy) => [[.. dy.Select((d, i) => d * Math.Sign(v[0][i]))]] };
    }

    private static double[] Relu(double[] x) => [.. x.Select(v => Math.Max(0, v))];

    /// <summary>½ + φ(x)·(x + x³/3 + x⁵/15 + …), which converges for all x.</summary>
    private static double NormalDistribution(double x)
    {
        double term = x, sum = x;
        for (int odd = 3; odd < 500; odd += 2)
            sum += term *= x * x / odd;
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
