using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Formulas of one value.</summary>
internal static class UnaryCases
{
    private sealed record Formula(
        string Op, string Variant, Func<Tensor, Tensor> Run, Func<double, double> Of, bool IsPositive = false, float Spread = 4);

    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        OpInput activation = inputs.Draw("x", 2, 5, 3, 4), plain = inputs.Draw("x", 7, 19);
        foreach (Formula f in Formulas())
        {
            string suffix = f.Variant.Length == 0 ? "" : $", {f.Variant}";
            yield return new(f.Op, $"values up to {f.Spread}{suffix}", [Domain(plain.Times(f.Spread))], t => f.Run(t[0]),
                v => [.. v[0].Select(f.Of)]);
            yield return new(f.Op, $"activation{suffix}", [Domain(activation)], t => f.Run(t[0].ToActivation()),
                v => [.. v[0].Select(f.Of)]);

            OpInput Domain(OpInput x) => f.IsPositive ? x with { Values = [.. x.Values.Select(v => MathF.Abs(v) + 0.1f)] } : x;
        }

        yield return new("tanh", "values up to 100", [plain.Times(100)], t => t[0].Tanh(), v => [.. v[0].Select(Math.Tanh)]);
        yield return new("sigmoid", "values up to 100", [plain.Times(100)], t => t[0].Sigmoid(), v => [.. v[0].Select(Sigmoid)]);
        yield return new("sin", "values up to 1000", [plain.Times(1000)], t => t[0].Sin(), v => [.. v[0].Select(Math.Sin)]);
        yield return new("cos", "values up to 1000", [plain.Times(1000)], t => t[0].Cos(), v => [.. v[0].Select(Math.Cos)]);
        yield return new("exp", "a scalar of rank 0", [inputs.Draw("x")], t => t[0].Exp(), v => [.. v[0].Select(Math.Exp)]);
        yield return new("reciprocal", "negative values",
            [plain with { Values = [.. plain.Values.Select(v => v < 0 ? v - 0.2f : v + 0.2f)] }],
            t => t[0].Reciprocal(), v => [.. v[0].Select(x => 1 / x)]);
        OpInput weight = inputs.Draw("weight", 3, 5, 3, 3);
        yield return new("sigmoid", "before a convolution, which needs the border to be zero", [activation, weight],
            t => t[0].ToActivation().Sigmoid().Conv2d(t[1], padding: 1),
            v => ReferenceConv2d.Forward([.. v[0].Select(Sigmoid)], (2, 5, 3, 4), v[1], (3, 3, 3), 1, 1));

        // Multiples of 1/4 hit kinks and borders.
        OpInput quarters = inputs.Draw("x", 5, 9).Rounded(4);
        yield return new("clip", "values at the borders", [quarters], t => t[0].Clip(-0.5f, 0.25f),
            v => [.. v[0].Select(x => Math.Clamp(x, -0.5, 0.25))])
        { Convention = (v, dy) => [[.. dy.Select((d, i) => v[0][i] is >= -0.5 and <= 0.25 ? d : 0)]] };
        yield return new("leaky_relu", "values at 0", [quarters.Rounded(1)], t => t[0].LeakyRelu(0.1f),
            v => [.. v[0].Select(x => x > 0 ? x : (double)0.1f * x)])
        { Convention = (v, dy) => [[.. dy.Select((d, i) => v[0][i] > 0 ? d : (double)0.1f * d)]] };
        yield return new("elu", "values at 0", [quarters.Rounded(1)], t => t[0].Elu(0.5f),
            v => [.. v[0].Select(x => x > 0 ? x : 0.5 * (Math.Exp(x) - 1))])
        { Convention = (v, dy) => [[.. dy.Select((d, i) => v[0][i] > 0 ? d : 0.5 * Math.Exp(v[0][i]) * d)]] };

        OpInput halves = inputs.Draw("x", 5, 9).Times(4).Rounded(2);
        foreach (var (kind, of) in new (StepFunction, Func<double, double>)[]
            { (StepFunction.Floor, Math.Floor), (StepFunction.Ceil, Math.Ceiling), (StepFunction.Sign, x => Math.Sign(x)),
              (StepFunction.Round, x => Math.Round(x, MidpointRounding.ToEven)) })
        {
            yield return new("step", $"{kind}", [halves], t => t[0].Step(kind, straightThrough: false), v => [.. v[0].Select(of)])
            { Convention = (v, dy) => [new double[dy.Length]] };
            yield return new("step", $"{kind}, straight through", [activation.Times(3)],
                t => t[0].ToActivation().Step(kind, straightThrough: true), v => [.. v[0].Select(of)])
            { Convention = (v, dy) => [dy] };
        }
    }

    private static IEnumerable<Formula> Formulas() =>
    [
        new("negate", "", x => x.Negate(), x => -x),
        new("reciprocal", "", x => x.Reciprocal(), x => 1 / x, IsPositive: true),
        new("sqrt", "", x => x.Sqrt(), Math.Sqrt, IsPositive: true),
        new("square", "", x => x.Square(), x => x * x),
        new("log", "", x => x.Log(), Math.Log, IsPositive: true, Spread: 30),
        new("exp", "", x => x.Exp(), Math.Exp),
        new("erf", "", x => x.Erf(), Erf, Spread: 3),
        new("sigmoid", "", x => x.Sigmoid(), Sigmoid, Spread: 9),
        new("tanh", "", x => x.Tanh(), Math.Tanh),
        new("softsign", "", x => x.Softsign(), x => x / (1 + Math.Abs(x))),
        new("leaky_relu", "slope 0.2", x => x.LeakyRelu(0.2f), x => x > 0 ? x : (double)0.2f * x),
        new("elu", "α 1.5", x => x.Elu(1.5f), x => x > 0 ? x : 1.5 * (Math.Exp(x) - 1)),
        new("selu", "", x => x.Selu(1.6732632f, 1.050701f), x => (double)1.050701f * (x > 0 ? x : (double)1.6732632f * (Math.Exp(x) - 1))),
        new("celu", "α 0.5", x => x.Celu(0.5f), x => x > 0 ? x : 0.5 * (Math.Exp(x / 0.5) - 1)),
        new("hard_sigmoid", "0.25 x + 0.5", x => x.HardSigmoid(0.25f, 0.5f), x => Math.Clamp(0.25 * x + 0.5, 0, 1)),
        new("hard_swish", "", x => x.HardSwish(), x => x * Math.Clamp(x / 6 + 0.5, 0, 1)),
        new("mish", "", x => x.Mish(), x => x * Math.Tanh(Math.Log(1 + Math.Exp(x))), Spread: 30),
        new("softplus_of", "sharpness 2", x => x.SoftplusOf(2), x => Math.Log(1 + Math.Exp(2 * x)) / 2),
        new("gelu_tanh", "", x => x.GeluTanh(),
            x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))),
        new("clip", "from −1.5 to 2", x => x.Clip(-1.5f, 2), x => Math.Clamp(x, -1.5, 2)),
        new("clip", "from 0.5", x => x.Clip(0.5f, float.PositiveInfinity), x => Math.Max(x, 0.5)),
        new("sin", "", x => x.Sin(), Math.Sin),
        new("cos", "", x => x.Cos(), Math.Cos),
        new("add_scalar", "1.25", x => x.AddScalar(1.25f), x => x + 1.25),
        new("power_of", "1", x => x.PowerOf(1), x => x),
        new("power_of", "2", x => x.PowerOf(2), x => x * x),
        new("power_of", "3", x => x.PowerOf(3), x => x * x * x),
        new("power_of", "4, of negative values too", x => x.PowerOf(4), x => x * x * x * x, Spread: 2),
        new("power_of", "½", x => x.PowerOf(0.5f), Math.Sqrt, IsPositive: true),
        new("power_of", "−1", x => x.PowerOf(-1), x => 1 / x, IsPositive: true),
        new("power_of", "1.75", x => x.PowerOf(1.75f), x => Math.Pow(x, 1.75), IsPositive: true),
        new("power_of", "−0.25", x => x.PowerOf(-0.25f), x => Math.Pow(x, -0.25), IsPositive: true),
    ];

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>2/√π·exp(−x²)·(x + 2x³/3 + 4x⁵/15 + …), which converges for all x.</summary>
    private static double Erf(double x)
    {
        double term = x, sum = x;
        for (int odd = 3; odd < 500; odd += 2)
            sum += term *= 2 * x * x / odd;
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
