using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;

namespace Ascl.Autograd.Checking;

/// <summary>The deviation of an op from its formula.</summary>
/// <param name="Case">The case checked.</param>
/// <param name="ForwardError">Largest absolute error of the values, divided by the largest value.</param>
/// <param name="GradientError">The same for the gradients, of the worst input.</param>
/// <param name="WorstInput">That input's name.</param>
/// <param name="Allowed">The largest error that passes.</param>
public sealed record GradientCheckResult(OpCase Case, double ForwardError, double GradientError, string WorstInput, double Allowed)
{
    /// <summary>Whether both errors are allowed; NaN is not.</summary>
    public bool Passed => ForwardError <= Allowed && GradientError <= Allowed;
}

/// <summary>
/// Checks the values and gradients of an op against its formula in double precision. The gradients of Σ r·y for random r are compared with
/// the central differences (L(x + h) − L(x − h))/2h of L = Σ r·formula(x), for each entry of x.
/// </summary>
public static class GradientCheck
{
    /// <summary>
    /// The largest error that passes in float32. Sums of dozens of float32 products, each with a relative error of 6e-8, are accurate to
    /// about 1e-7 of the largest entry, or 1e-6 through Winograd's transforms or the exponentials of the contrastive loss; a wrong formula
    /// is off by percents.
    /// </summary>
    public const double Tolerance = 1e-5;

    /// <summary>
    /// The largest error that passes in a precision. Rounding a factor to 8 bits has a relative error of up to 2⁻⁹, to 11 bits of 2⁻¹²; a
    /// product has twice that, and a sum with cancellation a few times more relative to the largest entry.
    /// </summary>
    public static double ToleranceOf(Precision precision) => precision switch
    {
        Precision.Bf16 => 2e-2,
        Precision.Tf32 => 2.5e-3,
        _ => Tolerance,
    };

    /// <summary>
    /// h. The error of the differences is of order h² + 1e-16/h = 1e-10, far below float32's. A smaller h crosses fewer kinks.
    /// </summary>
    private const double Step = 1e-6;

    /// <summary>
    /// Minimum denominators of the relative errors, so that values and gradients that are zero up to rounding pass. A loss near 0 is a
    /// difference of numbers of order 10.
    /// </summary>
    private const double SmallestValue = 0.1, SmallestGradient = 0.01;

    /// <summary>Checks a case on a device.</summary>
    public static GradientCheckResult Run(Device device, OpCase opCase)
    {
        using IDisposable scope = device.Pool.BeginScope();
        Tensor[] inputs = [.. opCase.Inputs.Select(input => Tensor.FromArray(device, input.Shape, input.Values, requiresGrad: true))];
        Tensor y = opCase.Run(inputs);
        if (y.Layout != TensorLayout.Plain)
            y = y.Flatten();
        double[][] x = [.. opCase.Inputs.Select(input => ToDouble(input.Values))];
        double forward = Error(opCase.Reference(x), y.ToArray(), SmallestValue);
        if (double.IsInfinity(forward))
            return new(opCase, forward, double.PositiveInfinity, "", ToleranceOf(device.Precision));

        float[] seed = new float[y.Shape.Length];
        Philox.FillUniform(seed, new RandomKey(1, RandomPurpose.Test), 0.5f, 1.5f);
        for (int i = 1; i < seed.Length; i += 2)
            seed[i] = -seed[i];
        double[] r = ToDouble(seed);
        Tensor[] ours = Gradient.Seeded(y, Tensor.FromArray(device, y.Shape, seed), inputs);
        double[][]? convention = opCase.Convention?.Invoke(x, r);
        (double Error, string Input) worst = (-1, "");
        for (int i = 0; i < inputs.Length; i++)
        {
            double error = Error(convention?[i] ?? Differences(opCase.Reference, x, i, r), ours[i].ToArray(), SmallestGradient);
            if (error > worst.Error || double.IsNaN(error))
                worst = (error, opCase.Inputs[i].Name);
        }
        return new(opCase, forward, worst.Error, worst.Input, ToleranceOf(device.Precision));
    }

    /// <summary>∂(Σ r·formula)/∂x[input] by central differences.</summary>
    public static double[] Differences(Func<double[][], double[]> formula, double[][] x, int input, double[] r)
    {
        double[] gradient = new double[x[input].Length];
        Parallel.For(0, gradient.Length,
            () => x.Select((values, i) => i == input ? (double[])values.Clone() : values).ToArray(),
            (k, _, moved) =>
            {
                double at = x[input][k], h = Step * Math.Max(1, Math.Abs(at)), above = at + h, below = at - h;
                moved[input][k] = above;
                double high = Weighted(formula(moved), r);
                moved[input][k] = below;
                double low = Weighted(formula(moved), r);
                moved[input][k] = at;
                gradient[k] = (high - low) / (above - below);
                return moved;
            },
            _ => { });
        return gradient;
    }

    private static double Weighted(double[] values, double[] weights)
    {
        double sum = 0;
        for (int i = 0; i < values.Length; i++)
            sum += weights[i] * values[i];
        return sum;
    }

    private static double[] ToDouble(float[] values) => Array.ConvertAll(values, v => (double)v);

    /// <summary>
    /// The largest deviation divided by the largest expected magnitude (at least <paramref name="smallest"/>); NaN if a value is NaN,
    /// infinity if the lengths differ.
    /// </summary>
    private static double Error(double[] expected, float[] actual, double smallest)
    {
        if (expected.Length != actual.Length)
            return double.PositiveInfinity;
        double largest = smallest, worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            // Math.Max propagates NaN.
            largest = Math.Max(largest, Math.Abs(expected[i]));
            worst = Math.Max(worst, Math.Abs(expected[i] - actual[i]));
        }
        return worst / largest;
    }
}
