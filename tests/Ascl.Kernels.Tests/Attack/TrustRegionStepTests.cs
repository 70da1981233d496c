using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Xunit;

namespace Ascl.Kernels.Tests.Attack;

public sealed unsafe class TrustRegionStepTests
{
    /// <summary>A step's problem: pixels and weights, how far the hyperplane is, and the radius.</summary>
    private sealed record Problem(float[] Original, float[] X, float[] W, double Shift, double Radius);

    /// <summary>
    /// Against a solver that tries every choice of pixels at the lower end, at the upper end and between them: no search along λ, no order.
    /// </summary>
    [Fact]
    public void MatchesADenseSolver()
    {
        int inside = 0, outside = 0, bound = 0;
        for (uint trial = 0; trial < 240; trial++)
        {
            Problem problem = Made(1 + (int)(trial % 5), trial);
            (double size, double along, double length) = Solved(problem);
            Assert.True(length <= problem.Radius + 1e-6, $"trial {trial}: {length} is longer than {problem.Radius}");
            double? expected = Dense(problem);
            if (expected is { } least)
            {
                Assert.True(along >= problem.Shift - 1e-6, $"trial {trial}: {along} does not reach {problem.Shift}");
                Assert.Equal(least, size, 1e-6);
                inside++;
                bound += length >= problem.Radius - 1e-6 ? 1 : 0;
            }
            else
            {
                Assert.Equal(Furthest(problem), along, 1e-6);
                outside++;
            }
        }
        Assert.True(inside >= 60 && outside >= 30 && bound >= 20,
            $"{inside} solvable, {bound} of them at the radius, {outside} not solvable");
    }

    /// <summary>
    /// Many pixels, so that vectors and their rest take part: all constraints hold, and no step of random ones that hold them gets nearer.
    /// </summary>
    [Theory]
    [InlineData(64)]
    [InlineData(783)]
    public void IsOptimalForManyPixels(int pixels)
    {
        for (uint trial = 0; trial < 20; trial++)
        {
            Problem problem = Made(pixels, 1000 + trial) with { Radius = 0.05 * Math.Sqrt(pixels) };
            double[] change = Change(problem);
            (double size, double along, double length) = Solved(problem);
            Assert.True(length <= problem.Radius + 1e-6);
            Assert.All(change.Zip(problem.X), pair => Assert.InRange(pair.First + pair.Second, -1e-12, 1 + 1e-12));
            if (along < problem.Shift - 1e-6)
                continue;
            for (uint other = 0; other < 200; other++)
            {
                float[] nudge = Uniform(pixels, 5000 + (trial * 200) + other, -0.01f, 0.01f);
                double[] tried =
                    [.. change.Select((d, i) => Math.Clamp(problem.X[i] + d + (nudge[i] * (other % 7) / 7), 0, 1) - problem.X[i])];
                if (Dot(tried, problem.W) >= problem.Shift && Length(tried) <= problem.Radius)
                    Assert.True(Size(problem, tried) >= size - 1e-7, $"trial {trial}: {Size(problem, tried)} is nearer than {size}");
            }
        }
    }

    /// <summary>Problems without an answer end, and in numbers.</summary>
    [Theory]
    [InlineData(0, 0, 0, 0.5, 0.1)]
    [InlineData(0, 0, 0, -0.5, 0.1)]
    [InlineData(1e-45f, 0, 3e38f, 1e-30, 0.1)]
    [InlineData(1e-45f, 1e-45f, 1e-44f, 0.5, 0.1)]
    [InlineData(3e38f, -3e38f, 1, 1e30, 0.1)]
    [InlineData(1, 1, 1, 0.5, 0)]
    [InlineData(1, 1, 1, 0.5, 1e-30)]
    [InlineData(1, 1, 1, double.NaN, 0.1)]
    [InlineData(1, 1, 1, double.PositiveInfinity, 0.1)]
    [InlineData(1, float.NaN, 1, 0.5, 0.1)]
    [InlineData(1, float.PositiveInfinity, 1, 0.5, 0.1)]
    public void DegenerateProblemsGiveFiniteStepsWithinTheRadius(float first, float second, float third, double shift, double radius)
    {
        Problem problem = new([0, 0.5f, 1], [0.2f, 0.5f, 0.7f], [first, second, third], shift, radius);
        double[] change = Change(problem);
        Assert.All(change, d => Assert.True(double.IsFinite(d)));
        Assert.True(Length(change) <= radius + 1e-9);
        bool canMove = radius > 0 && double.IsFinite(shift) && problem.W.All(float.IsFinite);
        Assert.True(canMove || change.All(d => d == 0));
        // Without a normal and on the right side already: straight home as far as the radius allows, the two pixels that are away together.
        if (first == 0 && third == 0 && shift < 0)
            Assert.Equal(radius, Length(change), 1e-6);
        if (first == 0 && third == 0 && shift > 0)
            Assert.Equal(0, Length(change));
    }

    private static Problem Made(int pixels, uint trial)
    {
        float[] original = Uniform(pixels, (4 * trial) + 1, -0.2f, 1.2f), x = Uniform(pixels, (4 * trial) + 2, -0.2f, 1.2f);
        float[] w = Uniform(pixels, (4 * trial) + 3, -1, 1), rest = Uniform(2, (4 * trial) + 4, 0, 1);
        for (int i = 0; i < pixels; i++)
        {
            original[i] = Math.Clamp(original[i], 0, 1);
            x[i] = trial % 3 == 0 ? original[i] : Math.Clamp(x[i], 0, 1);
            w[i] = i % 4 == 2 ? 0 : trial % 5 == 1 ? MathF.Round(w[i] * 2) / 2 : w[i];
        }
        double reach = w.Zip(x, (weight, p) => weight > 0 ? weight * (1 - p) : -weight * p).Sum();
        return new(original, x, w, reach * ((1.5 * rest[0]) - 0.4), trial % 4 == 3 ? 10 : 0.02 + (rest[1] * 0.8));
    }

    private static (double Size, double Along, double Length) Solved(Problem problem)
    {
        double[] change = Change(problem);
        return (Size(problem, change), Dot(change, problem.W), Length(change));
    }

    private static double[] Change(Problem problem)
    {
        fixed (float* original = problem.Original, x = problem.X, w = problem.W)
        {
            TrustRegionStep step = new(original, x, w, problem.X.Length, problem.Shift, problem.Radius);
            double[] change = new double[problem.X.Length];
            for (int i = 0; i < change.Length; i++)
                change[i] = step.Change(i);
            return change;
        }
    }

    /// <summary>The least size of the whole change that some δ allows; null where none reaches the hyperplane.</summary>
    private static double? Dense(Problem problem)
    {
        if (!(Shortest(problem, 1) <= problem.Radius))
            return null;
        (double low, double high) = (0, 1);
        for (int i = 0; i < 40; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Shortest(problem, middle) <= problem.Radius ? (low, middle) : (middle, high);
        }
        return high;
    }

    /// <summary>
    /// The length of the shortest δ with w·δ ≥ shift that keeps the whole change within e: the least of all that an active set gives;
    /// infinite where there is none.
    /// </summary>
    private static double Shortest(Problem problem, double e)
    {
        int n = problem.X.Length;
        double[] low = [.. problem.X.Select((p, i) => Math.Max(problem.Original[i] - e, 0) - p)];
        double[] high = [.. problem.X.Select((p, i) => Math.Min(problem.Original[i] + e, 1) - p)];
        double[] nearest = [.. low.Zip(high, (a, b) => Math.Clamp(0, a, b))];
        if (Dot(nearest, problem.W) >= problem.Shift)
            return Length(nearest);
        double best = double.PositiveInfinity;
        for (int set = 0; set < (int)Math.Pow(3, n); set++)
        {
            int[] state = [.. Enumerable.Range(0, n).Select(i => set / (int)Math.Pow(3, i) % 3)];
            double fixedPart = state.Select((s, i) => s == 0 ? 0 : problem.W[i] * (s == 1 ? low[i] : high[i])).Sum();
            double free = state.Select((s, i) => s == 0 ? (double)problem.W[i] * problem.W[i] : 0).Sum();
            double rate = free > 0 ? (problem.Shift - fixedPart) / free : 0;
            double[] change = [.. state.Select((s, i) => s == 0 ? rate * problem.W[i] : s == 1 ? low[i] : high[i])];
            if (Dot(change, problem.W) >= problem.Shift - 1e-9
                && change.Select((d, i) => d >= low[i] - 1e-9 && d <= high[i] + 1e-9).All(holds => holds))
                best = Math.Min(best, Length(change));
        }
        return best;
    }

    /// <summary>The most of w·δ within the radius and [0, 1]: the largest shift that a δ can still reach.</summary>
    private static double Furthest(Problem problem)
    {
        (double low, double high) = (0, problem.Shift);
        for (int i = 0; i < 40; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Shortest(problem with { Shift = middle }, 1) <= problem.Radius ? (middle, high) : (low, middle);
        }
        return low;
    }

    private static double Size(Problem problem, double[] change) =>
        change.Select((d, i) => Math.Abs(problem.X[i] + d - problem.Original[i])).Max();

    private static double Dot(double[] change, float[] w) => change.Zip(w, (d, weight) => d * weight).Sum();

    private static double Length(double[] change) => Math.Sqrt(change.Sum(d => d * d));

    private static float[] Uniform(int length, uint stream, float low, float high)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(11, RandomPurpose.Test, stream), low, high);
        return values;
    }
}
