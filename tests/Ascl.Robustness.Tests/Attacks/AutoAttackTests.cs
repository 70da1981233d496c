using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Random;
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
        foreach (string name in AttackCatalog.Names.Where(name => name != "autoattack"))
            foreach (PerturbationNorm norm in Enum.GetValues<PerturbationNorm>().Where(norm => name is not ("square" or "brendel-bethge") || norm == PerturbationNorm.Linf))
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
                Assert.True(AdversarialCheck.IsWithin(x.AsSpan(i * Made.Image, Made.Image), adversarial.AsSpan(i * Made.Image, Made.Image), norm, epsilon));
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

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(100)]
    [InlineData(1000)]
    public void AnyNumberOfClassesWillDo(int classes)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device, classes);
        ImageBatch made = Made.Batch(device, Sixteen), batch = made with { Labels = device.Upload<int>(Predictions(model, made.Images)) };
        AttackOptions options = new(0.2, 0.05, Iterations: 20, Queries: 100);
        foreach (PlannedAttack planned in AttackCatalog.Of(["pgd-dlr", "multi-targeted", "apgd-ce", "apgd-dlr", "autoattack"], options).Where(p => classes <= 100 || p.Attack is not MultiTargetedAttack))
        {
            int[] after = Predictions(model, planned.Attack.Perturb(model, batch, Made.Key));
            // A linear model cannot hold out against 0.2; Square has few queries here.
            Assert.True(planned.Attack is SquareAttack || after.Zip(batch.Labels.ToArray()).All(p => p.First != p.Second), planned.Attack.Name);
            bool usesRatio = planned.Attack is AutoPgdAttack { Settings.Loss: AttackLoss.Dlr } or PgdAttack, isTargeted = planned.Attack is AutoPgdAttack { Settings.Targets: > 0 };
            Assert.Equal(usesRatio && classes < (isTargeted ? 4 : 3), AttackCatalog.Note(planned.Attack, classes) is not null);
        }
    }

    [Fact]
    public void UnknownAttacksSuggestTheNearest() =>
        Assert.Contains("did you mean apgd-ce", Assert.Throws<UserErrorException>(() => AttackCatalog.Of(["apgd-cd"], new(0.1, 0.1))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(100, 22, 19, 16, 13, 10, 7, 6, 6)]
    [InlineData(20, 4, 3, 2, 1, 1)]
    [InlineData(3, 1, 1)]
    public void AutoPgdLooksAtItsStepsInShrinkingPeriods(int steps, int first, params int[] after)
    {
        Assert.Equal(first, AutoPgdSchedule.First(steps));
        int period = first;
        foreach (int expected in after)
            Assert.Equal(expected, period = AutoPgdSchedule.After(period, steps));
    }

    [Theory]
    [InlineData(0, 0.8)]
    [InlineData(5, 0.8)]
    [InlineData(6, 0.4)]
    [InlineData(25, 0.4)]
    [InlineData(26, 0.2)]
    [InlineData(101, 0.1)]
    [InlineData(251, 0.05)]
    [InlineData(501, 0.025)]
    [InlineData(1001, 0.0125)]
    [InlineData(2001, 0.00625)]
    [InlineData(3001, 0.003125)]
    [InlineData(4999, 0.0015625)]
    public void SquaresShrinkWithTheQueriesOfFiveThousand(int query, double share) => Assert.Equal(share, SquareAttack.Share(query, 5000));

    [Fact]
    public void SquareAsksNoMoreThanItsBudgetAndNoGradient()
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch made = Made.Batch(device, Sixteen), batch = made with { Labels = device.Upload<int>(Predictions(model, made.Images)) };
        (long forward, long backward) = (WorkCount.ForwardImages, WorkCount.BackwardImages);
        int[] weak = Predictions(model, new SquareAttack(1e-4, 50).Perturb(model, batch, Made.Key));
        Assert.Equal(batch.Labels.ToArray(), weak);
        // The stripes, then 50 queries of every image; then the predictions just made.
        Assert.Equal(16 * 51 + 16, WorkCount.ForwardImages - forward);
        Assert.Equal(backward, WorkCount.BackwardImages);
        int[] strong = Predictions(model, new SquareAttack(0.3, 300).Perturb(model, batch, Made.Key));
        Assert.True(strong.Zip(batch.Labels.ToArray()).Count(p => p.First != p.Second) >= 12);
    }

    /// <summary>The nearest boundary of a linear model is known: the least over wrong classes of the distance to a hyperplane within the cube.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void FabFindsTheNearestBoundaryOfALinearModel(PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch made = Made.Batch(device, Sixteen), batch = made with { Labels = device.Upload<int>(Predictions(model, made.Images)) };
        float[] pixels = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        var (images, sizes) = new BoundaryAttack(new(1, norm)).Nearest(model, batch);
        for (int n = 0; n < batch.Count; n++)
        {
            double least = LinearNetwork.SmallestChange(model, norm, pixels[(n * Made.Image)..((n + 1) * Made.Image)], labels[n]);
            Assert.InRange(sizes[n], least * (1 - 1e-4), least * 1.01);
        }
        Assert.All(Predictions(model, images).Zip(labels), p => Assert.NotEqual(p.Second, p.First));

        // As an attack it gives what is within ε, and the original elsewhere.
        double epsilon = sizes.Order().ElementAt(8) * 1.0001;
        int[] after = Predictions(model, new BoundaryAttack(new(epsilon, norm)).Perturb(model, batch, Made.Key));
        for (int n = 0; n < batch.Count; n++)
            Assert.Equal(sizes[n] <= epsilon, after[n] != labels[n]);
    }

    /// <summary>Auto-PGD on a linear model with softmax against a plain transcription of the published algorithm in double precision.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.02)]
    [InlineData(PerturbationNorm.L2, 0.2)]
    public void AutoPgdTurnsWhatTheAlgorithmTurnsAndAtTheSamePoint(PerturbationNorm norm, double epsilon)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch made = Made.Batch(device, [.. Enumerable.Range(0, 48)]), batch = made with { Labels = device.Upload<int>(Predictions(model, made.Images)) };
        float[] adversarial = new AutoPgdAttack(new(epsilon, norm, 30)).Perturb(model, batch, Made.Key).ToArray(), pixels = batch.Images.ToArray();
        Tensor start = Tensor.EmptyLike(batch.Images);
        AttackKernels.Start(AttackStart.Surface, norm, Made.Image, batch.Images.Data, batch.Ids, Made.Key with { Purpose = RandomPurpose.AutoPgd }, (float)epsilon, start.Data);
        ReferenceAutoPgd reference = new(LinearNetwork.Weights(model), norm, epsilon, 30);
        int turned = 0, late = 0;
        for (int n = 0; n < batch.Count; n++)
        {
            var (found, at) = reference.Attack(pixels[(n * Made.Image)..((n + 1) * Made.Image)], start.ToArray()[(n * Made.Image)..((n + 1) * Made.Image)], batch.Labels.ToArray()[n]);
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

    private static int[] Predictions(Classifier model, Tensor images) => model.Forward(images, ForwardMode.Frozen).Logits.Predict().ToArray();
}
