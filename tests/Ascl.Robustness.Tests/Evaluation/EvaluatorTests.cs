using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Evaluation;

public sealed class EvaluatorTests : IDisposable
{
    private readonly CpuDevice device = new(1);

    public void Dispose() => device.Dispose();

    /// <summary>Probabilities in the place of logits are told with the accuracy, not only where checks are asked for.</summary>
    [Fact]
    public void ProbabilitiesAreDoubtful()
    {
        Assert.Equal([LogitChecks.ProbabilitiesCaveat],
            Evaluated(LinearNetwork.Classifier(device, change: logits => logits.LogSoftmax().Exp())).Caveats!);
        Assert.Empty(Evaluated(LinearNetwork.Classifier(device)).Caveats!);
    }

    [Fact]
    public void ConstantNetworksAreDoubtful() => Assert.Contains(
        "every image is classified as",
        Assert.Single(Evaluated(LinearNetwork.Classifier(device, change: logits => logits.Scale(0))).Caveats!));

    /// <summary>Where softmax has saturated, attacks by gradient leave every image as it is: that is no robustness.</summary>
    [Fact]
    public void GradientsThatVanishAreDoubtful()
    {
        Classifier saturated = LinearNetwork.Classifier(device, change: logits => logits.Scale(1e5f));
        Classifier sound = LinearNetwork.Classifier(device);
        string file = Path.GetTempFileName();
        ImageSet set = Images(device);
        DataSet data = new("made", set, set, Augmentation.None);
        string[] Caveats(Classifier model) => [.. new Evaluator(model, set, 8, 0).Annotate(Evaluated(model), file, data).Caveats!];
        Assert.Contains("cross-entropy has no gradient at", Assert.Single(Caveats(saturated)));
        Assert.Empty(Caveats(sound));
        File.Delete(file);
    }

    [Fact]
    public void LogitsThatOverflowAreRefused()
    {
        string message = Assert.Throws<UserErrorException>(
            () => Evaluated(LinearNetwork.Classifier(device, change: logits => logits.Scale(3e38f).Scale(100)))).Message;
        Assert.Contains("image 100", message, StringComparison.Ordinal);
        Assert.Contains("Infinity", message, StringComparison.Ordinal);
    }

    /// <summary>Every attack tells the ball and the step that it had.</summary>
    [Fact]
    public void ReportsContainNormEpsilonAndStepSize()
    {
        AttackReport[] reports = [.. Evaluated(LinearNetwork.Classifier(device),
            [new(PgdAttack.Standard(new(Kernels.Attack.PerturbationNorm.L2, 0.2), 5)), new(new SquareAttack(0.1, 3))]).Attacks];
        Assert.Equal([("l2", 0.2, 0.1), ("linf", 0.1, null)], reports.Select(r => (r.Norm, r.Epsilon, r.StepSize)));
    }

    private static ImageSet Images(Device device)
    {
        int[] numbers = [.. Enumerable.Range(100, 20)];
        float[] pixels = Made.Batch(device, numbers).Images.ToArray();
        ImageSet whole = new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
            [.. new int[100], .. numbers.Select(n => n % Made.Classes)],
            [.. new float[100 * Made.Image], .. pixels]);
        return whole.Subset(numbers);
    }

    private static EvaluationReport Evaluated(Classifier model, PlannedAttack[]? attacks = null) =>
        new Evaluator(model, Images(model.Device), 7, 1).Run(attacks ?? [new(new NoiseAttack(0.01, 1))], CancellationToken.None);
}
