using Ascl.Autograd.Checking;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Tests.Objectives;

public sealed class ObjectiveGradientTests
{
    public static TheoryData<string> Objectives => [.. ObjectiveCases.All(1).Select(c => c.Op).Distinct()];

    [Theory, MemberData(nameof(Objectives))]
    public void Values_and_gradients_agree_with_the_formula(string objective)
    {
        using CpuDevice device = new(2);
        foreach (OpCase c in ObjectiveCases.All(1).Where(c => c.Op == objective))
        {
            GradientCheckResult result = GradientCheck.Run(device, c);
            Assert.True(result.Passed,
                $"{c}: forward error {result.ForwardError:g3}, gradient error {result.GradientError:g3} at {result.WorstInput}");
        }
    }

    [Fact]
    public void Every_objective_has_cases()
    {
        Assert.Equal(typeof(IObjective).Assembly.GetTypes()
            .Count(t => t is { IsClass: true, IsAbstract: false } && t.IsAssignableTo(typeof(IObjective))), ObjectiveCatalog.All.Count);
        Assert.Equal(ObjectiveCatalog.All.Select(objective => objective.Name).Order(),
            ObjectiveCases.All(1).Select(c => c.Op).Distinct().Order());
    }

    /// <summary>The selection must matter in what is checked: every strategy a loss of its own.</summary>
    [Fact]
    public void Strategies_differ_on_the_inputs_that_are_checked()
    {
        OpCase[] cases = [.. ObjectiveCases.All(1).Where(c => c.Op == "ascl" && c.Variant.StartsWith("on pgd-at", StringComparison.Ordinal)
            && c.Variant.EndsWith("linf", StringComparison.Ordinal))];
        Assert.Equal(5, cases.Length);
        Assert.Equal(5,
            cases.Select(c => c.Reference([.. c.Inputs.Select(i => i.Values.Select(v => (double)v).ToArray())])[0]).Distinct().Count());
    }
}
