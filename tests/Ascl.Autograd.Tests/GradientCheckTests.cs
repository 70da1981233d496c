using System.Reflection;
using Ascl.Autograd.Checking;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Testing;

namespace Ascl.Autograd.Tests;

public sealed class GradientCheckTests
{
    public static TheoryData<string> Ops => [.. OpCases.All(1).Select(c => c.Op).Distinct()];

    [Theory, MemberData(nameof(Ops))]
    public void Values_and_gradients_agree_with_the_formula(string op)
    {
        using CpuDevice device = new(2);
        foreach (OpCase c in OpCases.All(1).Where(c => c.Op == op))
        {
            GradientCheckResult result = GradientCheck.Run(device, c);
            Assert.True(result.Passed,
                $"{c}: forward error {result.ForwardError:g3}, gradient error {result.GradientError:g3} at {result.WorstInput}");
        }
    }

    [Fact]
    public void Every_op_has_cases()
    {
        // Ops whose name in the field is not that of their method.
        Dictionary<string, string> named = new()
        {
            ["KullbackLeibler"] = "kl",
            ["MeanEntropy"] = "entropy",
            ["ContrastiveLoss"] = "contrastive"
        };
        IEnumerable<string> methods = typeof(Conv2dOps).Assembly.GetTypes()
            .Where(t => t.IsPublic && t.Namespace == typeof(Conv2dOps).Namespace)
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Where(m => m.ReturnType == typeof(Tensor)).Select(m => m.Name);
        IEnumerable<string> ops = methods.Select(
            m => named.GetValueOrDefault(m,
                string.Concat(m.Select((c, i) => char.IsUpper(c) ? $"{(i > 0 ? "_" : "")}{char.ToLowerInvariant(c)}" : $"{c}"))));
        Assert.Equal(ops.Distinct().Order(), OpCases.All(1).Select(c => c.Op).Distinct().Order());
    }

    [Fact]
    public void The_seed_draws_the_values()
    {
        static IEnumerable<float> Values(ulong seed) => OpCases.All(seed).First().Inputs[0].Values;
        Assert.Equal(Values(3), Values(3));
        Assert.NotEqual(Values(3), Values(4));
    }

    [Fact]
    public void A_wrong_value_fails() => Assert.InRange(Check(x => x.Scale(2.01f), 2).ForwardError, 0.004, 0.006);

    [Fact]
    public void A_wrong_gradient_fails()
    {
        GradientCheckResult result = Check(x => Doubled(x, dy => dy.Scale(2.01f)), 2);
        Assert.InRange(result.ForwardError, 0, GradientCheck.Tolerance);
        Assert.InRange(result.GradientError, 0.004, 0.006);
        Assert.Equal("x", result.WorstInput);
    }

    [Fact]
    public void A_gradient_wrong_in_one_entry_fails() => Assert.False(Check(x => Doubled(x, dy =>
    {
        float[] dx = [.. dy.ToArray().Select(d => 2 * d)];
        dx[^1] += 1e-4f;
        return Tensor.FromArray(x.Device, x.Shape, dx);
    }), 2).Passed);

    [Fact]
    public void A_gradient_that_is_not_a_number_fails() =>
        Assert.False(
            Check(x => Doubled(x, _ => Tensor.FromArray(x.Device, x.Shape, [.. Enumerable.Repeat(float.NaN, x.Shape.Length)])), 2).Passed);

    [Fact]
    public void A_missing_gradient_fails() => Assert.Equal(1, Check(x => x.Detach().Scale(2), 2).GradientError, 6);

    [Fact]
    public void A_result_of_another_length_fails() => Assert.False(Check(x => x.Sum(), 2).Passed);

    [Fact]
    public void A_right_op_passes() => Assert.True(Check(x => Doubled(x, dy => dy.Scale(2)), 2).Passed);

    /// <summary>The gradients that stand in for differences where there are none are the differences everywhere else.</summary>
    [Fact]
    public void Conventions_agree_with_differences_where_both_exist()
    {
        CaseInputs inputs = new(5);
        int[] labels = inputs.Indices(9, 2), predictions = inputs.Indices(9, 2);
        double[] rows = Draw(36);
        foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
            foreach (RowDistance distance in Enum.GetValues<RowDistance>())
            {
                ReferenceContrastive reference = new(new(9, 4, strategy, distance, 0.5f), labels, predictions);
                Same(GradientCheck.Differences(x => [reference.Loss(x[0])], [rows], 0, [1]), reference.Gradient(rows));
            }
        double[] planes = Draw(60), seed = Draw(2 * 2 * 3);
        ReferencePool2d pool = new(5, 6, new(3, 3, 2, 2));
        Same(GradientCheck.Differences(x => pool.Max(x[0]), [planes], 0, seed[..8]), pool.MaxBackward(planes, seed[..8]));
        double[] dy = Draw(36);
        Same(GradientCheck.Differences(x => ReferenceRows.Normalize(x[0], 4), [rows], 0, dy), ReferenceRows.NormalizeBackward(rows, dy, 4));

        double[] Draw(int length) => Tolerance.ToDouble(inputs.Values(length));

        static void Same(double[] differences, double[] convention)
        {
            Assert.Equal(differences.Length, convention.Length);
            Assert.All(differences.Zip(convention), pair => Assert.Equal(pair.First, pair.Second, 1e-7));
        }
    }

    /// <summary>An op 2·x with a gradient of one's own.</summary>
    private static Tensor Doubled(Tensor x, Vjp vjp) => x.Detach().Scale(2).Record("doubled", (x, vjp));

    private static GradientCheckResult Check(Func<Tensor, Tensor> op, double factor)
    {
        using CpuDevice device = new(1);
        OpInput x = new CaseInputs(1).Draw("x", 3, 4);
        return GradientCheck.Run(device, new("op", "", [x], t => op(t[0]), v => [.. v[0].Select(value => factor * value)]));
    }
}
