using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>Attacks on networks of two classes and of a thousand.</summary>
public sealed class ClassCountTests
{
    private static readonly int[] Four = [.. Enumerable.Range(0, 4)];

    /// <summary>
    /// Attacks that may fail on a linear model: noise, one step, few queries, and what looks at the clean prediction rather than the label.
    /// </summary>
    private static readonly string[] Weak = ["noise", "fgsm", "square", "pgd-kl"];

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(1000)]
    public void EveryAttackFoolsALinearModelWithAnyNumberOfClasses(int classes)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device, classes);
        ImageBatch batch = Made.RightBatch(model, Four);
        float[] x = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        foreach (var (name, norm) in Made.SingleAttacks())
        {
            double epsilon = norm == PerturbationNorm.Linf ? 0.2 : 3;
            IAttack attack = AttackCatalog.Of([name], new(epsilon, epsilon / 4, norm, Iterations: 6, Queries: 20))[0].Attack;
            var adversarial = attack.Perturb(model, batch, Made.Key);
            float[] moved = adversarial.ToArray();
            int[] after = Made.Predictions(model, adversarial);
            for (int n = 0; n < 4; n++)
            {
                Assert.True(AdversarialCheck.IsWithin(
                    x.AsSpan(n * Made.Image, Made.Image), moved.AsSpan(n * Made.Image, Made.Image), norm, epsilon), $"{name} {norm}");
                Assert.True(after[n] != labels[n] || Weak.Contains(name), $"{name} {norm}: image {n} is still right");
            }
        }
    }

    /// <summary>Where nothing can be turned, every target is tried: backward passes tell how many there are.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(10, 9)]
    [InlineData(100, 9)]
    [InlineData(150, 9)]
    public void TargetsAreAtMostTheWrongClasses(int classes, int targets)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device, classes);
        ImageBatch batch = Made.RightBatch(model, Four);
        Assert.Equal(4 * targets * (5 + 1), Passes("apgd-t"));
        Assert.Equal(4 * targets * (5 + 1) + 4 * Math.Min(classes - 1, 100), Passes("malt"));
        Assert.Equal(4 * 2 * 5, Passes("pma"));
        Assert.Equal(4 * targets * 5, Passes("fab-t"));
        Assert.Equal(4 * (classes - 1) * 5, Passes("fab"));
        Assert.Equal(4 * (classes - 1) * 20, Passes("multi-targeted"));

        long Passes(string name)
        {
            long before = WorkCount.BackwardImages;
            AttackCatalog.Of([name], new(0, 0, Iterations: 5))[0].Attack.Perturb(model, batch, Made.Key);
            return WorkCount.BackwardImages - before;
        }
    }

    [Theory]
    [InlineData("pgd-dlr", 2, "PGD-20 (Dlr): the difference of logits ratio is not defined for 2 classes; the margin takes its place")]
    [InlineData("apgd-dlr", 2, "APGD-DLR: the difference of logits ratio is not defined for 2 classes; the margin takes its place")]
    [InlineData("apgd-dlr", 3, null)]
    [InlineData("apgd-t", 2,
        "APGD-T: the difference of logits ratio is not defined for 2 classes; the margin takes its place; 2 classes: 1 of 9 targets")]
    [InlineData("apgd-t", 3,
        "APGD-T: the difference of logits ratio is not defined for 3 classes; the margin takes its place; 3 classes: 2 of 9 targets")]
    [InlineData("apgd-t", 4, "APGD-T: 4 classes: 3 of 9 targets")]
    [InlineData("apgd-t", 10, null)]
    [InlineData("malt", 10, "MALT: not of Auto-Attack, so accuracies under it are not Auto-Attack's")]
    [InlineData("malt", 4, "MALT: not of Auto-Attack, so accuracies under it are not Auto-Attack's; 4 classes: 3 of 9 targets")]
    [InlineData("pma", 2, "PMA: not of Auto-Attack, so accuracies under it are not Auto-Attack's")]
    [InlineData("fab-t", 3, "FAB-T: 3 classes: 2 of 9 targets")]
    [InlineData("fab-t", 10, null)]
    [InlineData("fab", 2, null)]
    [InlineData("pgd-margin", 2, null)]
    [InlineData("apgd-ce", 2, null)]
    [InlineData("square", 2, null)]
    public void ReplacedLossesAreNoted(string name, int classes, string? note) =>
        Assert.Equal(note, AttackCatalog.Note(AttackCatalog.Of([name], new(0.1, 0.1))[0].Attack, classes));
}
