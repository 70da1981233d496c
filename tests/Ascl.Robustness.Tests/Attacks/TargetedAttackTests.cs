using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>Attacks towards a class of each image, and evaluations that count only images that reach theirs.</summary>
public sealed class TargetedAttackTests
{
    private static readonly int[] Twelve = [.. Enumerable.Range(0, 12)];

    public static TheoryData<string, PerturbationNorm> Attacks()
    {
        TheoryData<string, PerturbationNorm> all = [];
        foreach (var (name, norm) in Made.SingleAttacks().Where(one => Attack(one.Name, one.Norm, 0.1).TakesTargets))
            all.Add(name, norm);
        return all;
    }

    [Fact]
    public void TheseAttacksTakeTargets() =>
        Assert.Equal(["fgsm", "pgd", "pgd-margin", "apgd-ce", "apgd-dlr", "cw", "square"],
            Attacks().Select(row => (string)row[0]).Distinct());

    /// <summary>On a linear model every class can be reached in a ball that is large enough; one step and few queries may miss.</summary>
    [Theory]
    [MemberData(nameof(Attacks))]
    public void LeadEveryImageToItsTarget(string name, PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        double epsilon = norm == PerturbationNorm.Linf ? 0.5 : 6;
        ImageBatch batch = Targeted(model, Made.RightBatch(model, Twelve));
        Tensor adversarial = Attack(name, norm, epsilon).Perturb(model, batch, Made.Key);
        float[] x = batch.Images.ToArray(), moved = adversarial.ToArray();
        for (int n = 0; n < batch.Count; n++)
            Assert.True(AdversarialCheck.IsWithin(
                x.AsSpan(n * Made.Image, Made.Image), moved.AsSpan(n * Made.Image, Made.Image), norm, epsilon));
        int reached = batch.AreTurned(Made.Predictions(model, adversarial)).Count(isTurned => isTurned);
        Assert.InRange(reached, name is "fgsm" or "square" ? 4 : 12, 12);
    }

    /// <summary>The same bits for an image alone, in another order, on any number of threads.</summary>
    [Theory]
    [MemberData(nameof(Attacks))]
    public void AnImagesResultDoesNotDependOnItsBatch(string name, PerturbationNorm norm)
    {
        IAttack attack = Attack(name, norm, norm == PerturbationNorm.L2 ? 0.3 : 0.03);
        float[] together = Images(2, [.. Enumerable.Range(0, 16)]);
        Assert.Equal(together, Images(1, [.. Enumerable.Range(0, 16)]));
        int[] some = [11, 3, 7];
        float[] apart = Images(2, some);
        for (int i = 0; i < some.Length; i++)
            Assert.Equal(together[(some[i] * Made.Image)..((some[i] + 1) * Made.Image)], apart[(i * Made.Image)..((i + 1) * Made.Image)]);

        float[] Images(int threads, int[] chosen)
        {
            using CpuDevice device = new(threads);
            Classifier model = Made.Model(device);
            ImageBatch batch = Made.Batch(device, chosen);
            return attack.Perturb(model, batch with { Targets = device.Upload<int>([.. chosen.Select(n => (n * 7 + 2) % Made.Classes)]) },
                Made.Key).ToArray();
        }
    }

    /// <summary>A targeted loss is that of the target as the label, and falls.</summary>
    [Fact]
    public void AStepTowardsATargetIsTheOppositeOfOneAwayFromIt()
    {
        using CpuDevice device = new(1);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch grey = Made.GreyBatch(model, Twelve), targeted = Targeted(model, grey);
        float[] towards = PgdAttack.Fgsm(0.01).Perturb(model, targeted, Made.Key).ToArray();
        float[] away = PgdAttack.Fgsm(0.01).Perturb(model, grey with { Labels = targeted.Targets! }, Made.Key).ToArray();
        float[] x = grey.Images.ToArray();
        Assert.All(Enumerable.Range(0, x.Length), i => Assert.Equal(x[i] - away[i], towards[i] - x[i], 1e-6f));
    }

    [Theory]
    [InlineData("class of the first")]
    [InlineData("random")]
    [InlineData("least-likely")]
    public void AnEvaluationCountsImagesThatReachTheirTarget(string target)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.RightBatch(model, Enumerable.Range(0, 40));
        int[] labels = batch.Labels.ToArray();
        bool isOneClass = target.StartsWith("class", StringComparison.Ordinal);
        TargetChoice choice = TargetChoice.Parse(isOneClass ? $"{labels[0]}" : target);
        ImageSet images = new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
            labels, batch.Images.ToArray());
        PgdAttack attack = new(new(0.02, 0.005, 10));
        EvaluationReport report = Evaluated(16);
        TargetedReport outcome = report.Targeted!;

        int[] ids = batch.Ids.ToArray(), targets = choice.Of(model.Forward(batch.Images, ForwardMode.Inference).Logits, labels, ids, 5);
        ImageBatch targeted = batch with { Targets = device.Upload<int>(targets) };
        int[] predictions = Made.Predictions(model, attack.Perturb(model, targeted, new(5, Core.Random.RandomPurpose.AttackStart)));
        int[] tried = [.. Enumerable.Range(0, 40).Where(i => labels[i] != targets[i])];
        int reached = tried.Count(i => predictions[i] == targets[i]);
        Assert.Equal(new TargetedReport($"{choice}", tried.Length, reached, 40 - tried.Length), outcome);
        Assert.Equal((outcome.Tried, outcome.Reached), (report.Attacks[0].Attacked, report.Attacks[0].Misclassified));
        Assert.Equal(isOneClass, outcome.LeftOut > 0);
        Assert.Null(report.Classes);
        Assert.Contains("no robust accuracy", report.Caveats![0], StringComparison.Ordinal);
        Assert.Equal(outcome, Evaluated(7).Targeted);

        // Images of other wrong classes than their target do not count.
        int misclassified = batch.AreTurned(Made.Predictions(model, attack.Perturb(model, batch, Made.Key))).Count(isTurned => isTurned);
        int counted = Evaluated(16, new WithoutTargets(attack)).Targeted!.Reached;
        Assert.True(counted < misclassified, $"{counted} of {misclassified}");

        EvaluationReport Evaluated(int batchSize, IAttack? own = null) =>
            new Evaluator(model, images, batchSize, 5) { Target = choice }.Run([new(own ?? attack)], CancellationToken.None);
    }

    /// <summary>An attack that claims to heed targets.</summary>
    private sealed class WithoutTargets(IAttack attack) : IAttack
    {
        public string Name => attack.Name;
        public PerturbationNorm Norm => attack.Norm;
        public double Epsilon => attack.Epsilon;
        public int Steps => attack.Steps;
        public bool TakesTargets => true;

        public Tensor Craft(Classifier model, ImageBatch batch, Core.Random.RandomKey key) =>
            attack.Craft(model, batch with { Targets = null }, key);
    }

    [Fact]
    public void RandomTargetsAreWrongClassesKeyedByTheImage()
    {
        using CpuDevice device = new(1);
        int[] labels = [.. Enumerable.Range(0, 300).Select(i => i % 3)], ids = [.. Enumerable.Range(0, 300)];
        Tensor logits = Tensor.Empty(device, new(300, 3));
        TargetChoice choice = new(TargetKind.Random);
        int[] targets = choice.Of(logits, labels, ids, 1);
        Assert.DoesNotContain(true, labels.Zip(targets, (label, target) => label == target || target is < 0 or > 2));
        Assert.All(Enumerable.Range(0, 3), c => Assert.InRange(targets.Count(t => t == c), 70, 130));
        Assert.Equal([targets[17], targets[4]], choice.Of(Tensor.Empty(device, new(2, 3)), [labels[17], labels[4]], [17, 4], 1));
        Assert.NotEqual(targets, choice.Of(logits, labels, ids, 2));
    }

    [Theory]
    [InlineData("likely", "target is likely: must be the number of a class")]
    [InlineData("-1", "target is -1: must be the number of a class")]
    public void OtherTargetsAreRefused(string target, string message) =>
        Assert.StartsWith(message, Assert.Throws<UserErrorException>(() => TargetChoice.Parse(target)).Message, StringComparison.Ordinal);

    [Fact]
    public void AttacksWithoutTargetsAreRefused()
    {
        string message = Assert.Throws<UserErrorException>(() => RobustnessEvaluation.Plan(
            new() { Attacks = ["pgd", "autoattack"], Target = "random" }, null)).Message;
        Assert.Equal("APGD-T cannot lead images to a target class; attacks that can are fgsm, pgd, pgd-margin, apgd-ce, apgd-dlr, cw, "
            + "square", message);
        Assert.Throws<UserErrorException>(() => new TargetChoice(TargetKind.Class, 10).CheckFits(10));
    }

    private static ImageBatch Targeted(Classifier model, ImageBatch batch) => batch with
    {
        Targets = model.Device.Upload<int>([.. batch.Labels.ToArray().Select((label, i) => (label + 1 + i % 4) % Made.Classes)]),
    };

    private static IAttack Attack(string name, PerturbationNorm norm, double epsilon) =>
        AttackCatalog.Of([name], new(epsilon, epsilon / 4, norm, Steps: 10, Iterations: 20, Queries: 300))[0].Attack;
}
