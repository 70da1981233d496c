using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>What every attack has to keep to.</summary>
public sealed class AutoAttackTests
{
    private static readonly int[] Sixteen = [.. Enumerable.Range(0, 16)];

    public static TheoryData<string, PerturbationNorm> Attacks()
    {
        TheoryData<string, PerturbationNorm> all = [];
        foreach (var (name, norm) in Made.SingleAttacks())
            all.Add(name, norm);
        return all;
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void StaysInTheBallAndInTheImageRange(string name, PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        float[] x = batch.Images.ToArray();
        foreach (double epsilon in new[] { 0, 0.01, 0.3 })
        {
            float[] adversarial = Attack(name, norm, epsilon).Perturb(model, batch, Made.Key).ToArray();
            for (int i = 0; i < batch.Count; i++)
                Assert.True(AdversarialCheck.IsWithin(
                    x.AsSpan(i * Made.Image, Made.Image), adversarial.AsSpan(i * Made.Image, Made.Image), norm, epsilon));
            Assert.True(epsilon > 0 || x.SequenceEqual(adversarial));
        }
    }

    /// <summary>The same bits for an image alone, in another order, on any number of threads.</summary>
    [Theory]
    [MemberData(nameof(Attacks))]
    public void AnImagesResultDoesNotDependOnItsBatch(string name, PerturbationNorm norm)
    {
        IAttack attack = Attack(name, norm, norm == PerturbationNorm.L2 ? 0.3 : 0.03);
        float[] together = Images(2, Sixteen);
        Assert.Equal(together, Images(1, Sixteen));
        int[] some = [11, 3, 7];
        float[] apart = Images(2, some);
        for (int i = 0; i < some.Length; i++)
            Assert.Equal(together[(some[i] * Made.Image)..((some[i] + 1) * Made.Image)], apart[(i * Made.Image)..((i + 1) * Made.Image)]);

        float[] Images(int threads, int[] chosen)
        {
            using CpuDevice device = new(threads);
            return attack.Perturb(Made.Model(device), Made.Batch(device, chosen), Made.Key).ToArray();
        }
    }

    [Fact]
    public void UnknownAttacksSuggestTheNearest() =>
        Assert.Contains("did you mean apgd-ce",
            Assert.Throws<UserErrorException>(() => AttackCatalog.Of(["apgd-cd"], new(0.1, 0.1))).Message, StringComparison.Ordinal);

    /// <summary>The attacks, their order, starts and settings are those of the authors' code.</summary>
    [Theory]
    [InlineData("autoattack", "APGD-CE", "APGD-T", "FAB-T", "Square")]
    [InlineData("autoattack-plus", "APGD-CE x5", "APGD-DLR x5", "FAB x5", "Square", "APGD-T", "FAB-T")]
    [InlineData("autoattack-rand", "APGD-CE (EOT 20)", "APGD-DLR (EOT 20)")]
    [InlineData("fast", "PMA", "APGD-T")]
    [InlineData("many-classes", "MALT")]
    public void EnsemblesMatchTheAuthorsVersions(string name, params string[] members)
    {
        IReadOnlyList<PlannedAttack> planned = AttackCatalog.Of([name], new(0.1, 0.1, PerturbationNorm.L2, Restarts: 3));
        Assert.Equal(members, planned.Select(p => p.Attack.Name + (p.Restarts > 1 ? $" x{p.Restarts}" : "")));
        Assert.All(planned, p => Assert.Equal(
            (0.1, PerturbationNorm.L2, p.Attack is SquareAttack ? 5000 : 100), (p.Attack.Epsilon, p.Attack.Norm, p.Attack.Steps)));
        foreach (IAttack targeted in planned.Select(p => p.Attack).Where(a => a.Name.EndsWith("-T", StringComparison.Ordinal)))
            Assert.Equal(9, targeted is AutoPgdAttack apgd ? apgd.Settings.Targets : ((BoundaryAttack)targeted).Settings.Targets);
    }

    [Fact]
    public void PgdWithKlIsPgdAwayFromTheCleanPrediction()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        PlannedAttack planned = AttackCatalog.Of(["pgd-kl"], new(0.03, 0.01, Steps: 7, Restarts: 2))[0];
        Assert.Equal(("PGD-7 (KL)", 2), (planned.Attack.Name, planned.Restarts));
        float[] expected = new PgdAttack(new(0.03, 0.01, 7, Loss: AttackLoss.KullbackLeibler)).Perturb(model, batch, Made.Key).ToArray();
        Assert.Equal(expected, planned.Attack.Perturb(model, batch, Made.Key).ToArray());
    }

    [Theory]
    [InlineData(100, 22, 19, 16, 13, 10, 7, 6, 6)]
    [InlineData(20, 4, 3, 2, 1, 1)]
    [InlineData(3, 1, 1)]
    public void AutoPgdCheckpointsFollowShrinkingPeriods(int steps, int first, params int[] after)
    {
        Assert.Equal(first, AutoPgdSchedule.First(steps));
        int period = first;
        foreach (int expected in after)
            Assert.Equal(expected, period = AutoPgdSchedule.After(period, steps));
    }

    /// <summary>
    /// Auto-PGD on a linear model with softmax against a plain transcription of the published algorithm in double precision.
    /// </summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.02)]
    [InlineData(PerturbationNorm.L2, 0.2)]
    public void AutoPgdMatchesTheReferenceImplementation(PerturbationNorm norm, double epsilon)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.RightBatch(model, Enumerable.Range(0, 48));
        float[] adversarial = new AutoPgdAttack(new(epsilon, norm, 30)).Perturb(model, batch, Made.Key).ToArray();
        float[] pixels = batch.Images.ToArray();
        Tensor start = Tensor.EmptyLike(batch.Images);
        AttackKernels.Start(AttackStart.Surface, norm, Made.Image, batch.Images.Data, batch.Ids,
            Made.Key with { Purpose = RandomPurpose.AutoPgd }, (float)epsilon, start.Data);
        ReferenceAutoPgd reference = new(LinearNetwork.Weights(model), norm, epsilon, 30);
        int turned = 0, late = 0;
        for (int n = 0; n < batch.Count; n++)
        {
            var (found, at) = reference.Attack(pixels[(n * Made.Image)..((n + 1) * Made.Image)],
                start.ToArray()[(n * Made.Image)..((n + 1) * Made.Image)], batch.Labels.ToArray()[n]);
            turned += found is null ? 0 : 1;
            late += at > 3 ? 1 : 0;
            double[] expected = found ?? [.. pixels[(n * Made.Image)..((n + 1) * Made.Image)].Select(v => (double)v)];
            Assert.All(expected.Zip(adversarial.Skip(n * Made.Image)), p => Assert.Equal(p.First, p.Second, 2e-5));
        }
        Assert.InRange(turned, 5, 43);
        Assert.True(late >= 1, "no image took more than three steps");
    }

    private static IAttack Attack(string name, PerturbationNorm norm, double epsilon) =>
        AttackCatalog.Of([name], new(epsilon, epsilon / 4, norm, Steps: 5, Iterations: 12, Queries: 40))[0].Attack;
}
