using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Xunit;

namespace Ascl.Kernels.Tests.Attack;

public sealed unsafe class HyperplaneProjectionTests
{
    /// <summary>
    /// Against bisection of the one parameter of the solution, on random cubes with pixels at their borders, weights of 0 and equal
    /// weights.
    /// </summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void IsTheSmallestChangeThatMeetsTheHyperplane(PerturbationNorm norm)
    {
        for (uint trial = 0; trial < 300; trial++)
        {
            int length = 1 + (int)(trial % 37);
            float[] x = Uniform(length, 3 * trial, -0.2f, 1.2f), w = Uniform(length, 3 * trial + 1, -1, 1);
            for (int i = 0; i < length; i++)
            {
                x[i] = Math.Clamp(x[i], 0, 1);
                w[i] = i % 5 == 3 ? 0 : trial % 4 == 1 ? MathF.Round(w[i] * 4) / 4 : w[i];
            }
            double reach = Reached(norm, x, w, 1, double.PositiveInfinity), back = Reached(norm, x, w, -1, double.PositiveInfinity);
            foreach (double shift in new[] { 0, 0.3 * reach, 0.999 * reach, -0.5 * back, -0.01 * back })
            {
                double[] change = Change(norm, x, w, shift);
                Assert.Equal(shift, change.Zip(w, (d, weight) => d * weight).Sum(), 1e-9 * (1 + Math.Abs(shift)));
                Assert.All(change.Zip(x), pair => Assert.InRange(pair.Second + pair.First, -1e-12, 1 + 1e-12));
                Assert.Equal(Bisected(norm, x, w, shift), Size(norm, change), 1e-7);
            }
            // Out of reach: everything goes to its border.
            double[] most = Change(norm, x, w, 2 * reach + 1);
            Assert.Equal(reach, most.Zip(w, (d, weight) => d * weight).Sum(), 1e-9 * (1 + reach));
        }
    }

    [Fact]
    public void NothingMovesWithoutANormal() => Assert.Equal([0, 0, 0], Change(PerturbationNorm.Linf, [0.1f, 0.5f, 1], [0, 0, 0], 0.4));

    private static double[] Change(PerturbationNorm norm, float[] x, float[] w, double shift)
    {
        fixed (float* px = x, pw = w)
        {
            HyperplaneProjection projection = new(norm, px, pw, x.Length, shift);
            double[] change = new double[x.Length];
            for (int i = 0; i < x.Length; i++)
                change[i] = projection.Change(i);
            Assert.Equal(Size(norm, change), projection.Length(x.Length), 1e-12);
            return change;
        }
    }

    private static double Size(PerturbationNorm norm, double[] change) =>
        norm == PerturbationNorm.Linf ? change.Select(Math.Abs).DefaultIfEmpty(0).Max() : Math.Sqrt(change.Sum(d => d * d));

    /// <summary>How far w·δ gets in a direction with the parameter t: |δᵢ| up to t, or to t·|wᵢ|, and to the border.</summary>
    private static double Reached(PerturbationNorm norm, float[] x, float[] w, int sign, double t) => x.Zip(w, (p, weight) =>
    {
        double room = sign * weight > 0 ? 1.0 - p : p;
        double move = weight == 0 ? 0 : norm == PerturbationNorm.Linf ? t : t * Math.Abs((double)weight);
        return Math.Abs((double)weight) * Math.Min(move, room);
    }).Sum();

    private static double Bisected(PerturbationNorm norm, float[] x, float[] w, double shift)
    {
        int sign = shift < 0 ? -1 : 1;
        double low = 0, high = 1;
        while (Reached(norm, x, w, sign, high) < Math.Abs(shift) && high < 1e9)
            high *= 2;
        for (int i = 0; i < 200; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Reached(norm, x, w, sign, middle) < Math.Abs(shift) ? (middle, high) : (low, middle);
        }
        return Size(norm,
            [.. x.Zip(w,
                (p, weight) =>
                    Math.Min(sign * weight > 0 ? 1.0 - p : p,
                        weight == 0 ? 0 : norm == PerturbationNorm.Linf ? low : low * Math.Abs((double)weight)))]);
    }

    private static float[] Uniform(int length, uint stream, float low, float high)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(7, RandomPurpose.Test, stream), low, high);
        return values;
    }
}
