using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>FGSM-RS and N-FGSM as settings of PGD, against their formulas in double precision on a linear network.</summary>
public sealed class SingleStepTests
{
    private const double Epsilon = 8 / 255.0;
    private static readonly int[] Sixteen = [.. Enumerable.Range(0, 16)];

    /// <summary>δ ← clip_ε(η + 1.25ε·sign ∇), η ~ U(−ε, ε) (Wong et al. 2020).</summary>
    [Fact]
    public void FgsmRsFollowsItsFormula()
    {
        TrainingAttackSettings settings = new() { Steps = 1, StepSize = 1.25 * Epsilon };
        double[][] reached = Crafted(settings, 1, (x, noise, sign) =>
            Math.Clamp(x + Math.Clamp(Math.Clamp(x + noise, 0, 1) - x + 1.25 * Epsilon * sign, -Epsilon, Epsilon), 0, 1));
        // Projection matters: most steps end on the ball's boundary.
        Assert.True(reached.SelectMany(image => image).Count(size => Math.Abs(size - Epsilon) < 1e-6) > 16 * Made.Image / 4);
    }

    /// <summary>x^a = clip₀₁(clip₀₁(x + η) + ε·sign ∇), η ~ U(−2ε, 2ε) (de Jorge et al. 2022).</summary>
    [Fact]
    public void NFgsmFollowsItsFormula()
    {
        TrainingAttackSettings settings = new() { Steps = 1, StartRadius = 2, Projects = false };
        double[][] reached = Crafted(settings, 2, (x, noise, sign) => Math.Clamp(Math.Clamp(x + noise, 0, 1) + Epsilon * sign, 0, 1));
        // Beyond the ball, and up to 3ε.
        Assert.All(reached, image => Assert.InRange(image.Max(), 2.5 * Epsilon, 3 * Epsilon + 1e-6));
    }

    /// <summary>Without projection L2 steps leave the ball too: x^a − x = η + ε·g/‖g‖ where no pixel meets the border.</summary>
    [Fact]
    public void StepsInL2AreNotProjectedEither()
    {
        using CpuDevice device = new(1);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.GreyBatch(model, Sixteen);
        PgdSettings settings = new(0.5, 0.5, 1, PerturbationNorm.L2, StartRadius: 2, Projects: false);
        float[] x = batch.Images.ToArray(), start = new PgdAttack(settings with { Steps = 0 }).Perturb(model, batch, Made.Key).ToArray(),
            end = new PgdAttack(settings).Perturb(model, batch, Made.Key).ToArray();
        double[][] ascent = Ascent(model, start, batch.Labels.ToArray());
        foreach (int i in Sixteen)
        {
            Range image = (i * Made.Image)..((i + 1) * Made.Image);
            Assert.InRange(Length(x[image], start[image]), 0.5, 1.0001);
            double length = Math.Sqrt(ascent[i].Sum(g => g * g));
            foreach (var (at, g) in ascent[i].Index())
                Assert.Equal(start[image][at] + 0.5 * g / length, end[image][at], 1e-5);
        }

        static double Length(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (p, q) => Math.Pow((double)p - q, 2)).Sum());
    }

    /// <summary>An attack that leaves the ball measures nothing: no image outside it counts, and the report says so.</summary>
    [Fact]
    public void AnEvaluationDoesNotCountImagesOutsideTheBall()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Model(device);
        Data.ImageSet images = new("some", ["a", "b", "c", "d", "e"], Made.Channels, Made.Size, Made.Size,
            Made.RightBatch(model, Sixteen).Labels.ToArray(), Made.Batch(device, Sixteen).Images.ToArray());
        TrainingAttackSettings settings = new() { Steps = 1, StartRadius = 2, Projects = false };
        PgdAttack training = settings.Training(AttackLoss.CrossEntropy, isEncoderFrozen: true);
        AttackReport report = Assert.Single(new Evaluator(model, images, 16, 0).Run([new(training)], CancellationToken.None).Attacks);
        Assert.Equal((1, 16), (report.Accuracy, report.Rejected));
        Assert.Equal("PGD-1 from 2 epsilon without projection", report.Name);
        // The attacks that judge a run are in its ball, whatever it is trained with.
        foreach (PgdAttack judge in settings.Report.Append(settings.Validation))
            Assert.Equal((true, 1, Epsilon), (judge.Settings.Projects, judge.Settings.StartRadius, judge.Epsilon));
    }

    /// <summary>Compares with a formula of (x, η, sign ∇); returns how far each pixel went.</summary>
    private static double[][] Crafted(TrainingAttackSettings settings, double radius, Func<double, double, int, double> formula)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        float[] x = batch.Images.ToArray(),
            adversarial = settings.Training(AttackLoss.CrossEntropy).Perturb(model, batch, Made.Key).ToArray();
        float[] noise = [.. Sixteen.SelectMany(id =>
        {
            float[] own = new float[Made.Image];
            Philox.FillUniform(own, Made.Key.For(id), (float)(-radius * Epsilon), (float)(radius * Epsilon));
            return own;
        })];
        double[][] ascent = Ascent(model, [.. x.Zip(noise, (a, b) => Math.Clamp(a + b, 0, 1))], batch.Labels.ToArray());
        Assert.All(ascent.SelectMany(image => image), g => Assert.True(Math.Abs(g) > 1e-12));
        for (int i = 0; i < x.Length; i++)
            Assert.Equal(formula(x[i], noise[i], Math.Sign(ascent[i / Made.Image][i % Made.Image])), adversarial[i], 1e-6);
        return [.. x.Zip(adversarial, (a, b) => Math.Abs((double)b - a)).Chunk(Made.Image)];
    }

    /// <summary>The gradient of each image's cross-entropy, Σ_c (p_c − [c = y])·W_c, in double precision.</summary>
    private static double[][] Ascent(Classifier model, float[] at, int[] labels)
    {
        var (weight, bias) = LinearNetwork.Weights(model);
        return [.. at.Chunk(Made.Image).Zip(labels, (pixels, label) =>
        {
            double[] logits = [.. bias.Select((b, c) => b + pixels.Select((v, k) => (double)v * weight[c * Made.Image + k]).Sum())];
            double sum = logits.Sum(Math.Exp);
            return Enumerable.Range(0, Made.Image).Select(k => logits.Select((o, c) =>
                (Math.Exp(o) / sum - (c == label ? 1 : 0)) * weight[c * Made.Image + k]).Sum()).ToArray();
        })];
    }
}
