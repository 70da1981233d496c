using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Tests.Evaluation;

/// <summary>Each check sees what it is there for in a classifier made to show it, and nothing in an honest one.</summary>
public sealed class HonestyChecksTests : IDisposable
{
    private readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Fact]
    public void AnHonestClassifierRaisesNoFinding()
    {
        Classifier model = LinearNetwork.Classifier(device);
        HonestyFinding[] findings = [.. HonestyChecks.All(Subject(model, twin: LinearNetwork.Classifier(device, seed: 9)))];
        Assert.Equal(10, findings.Length);
        Assert.Equal([], findings.Where(f => f.IsSuspicious).Select(f => $"{f.Name}: {f.Seen}"));
    }

    [Fact]
    public void SaturatedLogitsAreFound()
    {
        HonestyFinding[] findings = [.. HonestyChecks.All(Subject(Wrapped(logits => logits.Scale(1e6f))))];
        HashSet<string> expected = ["vanishing-gradients", "black-box-beats-white-box", "unbounded-attack-fails", "larger-ball-holds"];
        Assert.Superset(expected, Suspicious(findings));
        Assert.DoesNotContain("randomised-forward", Suspicious(findings));
    }

    [Fact]
    public void ProbabilitiesInsteadOfLogitsAreFound() =>
        Assert.Equal(["softmax-outputs"],
            Suspicious([HonestyChecks.SoftmaxOutputs(Subject(Wrapped(logits => logits.LogSoftmax().Exp()))),
                HonestyChecks.SoftmaxOutputs(Subject(LinearNetwork.Classifier(device)))]));

    [Fact]
    public void RandomizedForwardPassesAreFound()
    {
        int pass = 0;
        Assert.True(HonestyChecks.RandomisedForward(Subject(Wrapped(logits => logits.Scale(1 + 0.01f * pass++)))).IsSuspicious);
    }

    /// <summary>Gradients that point the wrong way: the twin's are better, and one step away is as good as many.</summary>
    [Fact]
    public void WrongGradientsAreFoundByTransferAndBlackBoxAttacks()
    {
        HonestySubject subject = Subject(Wrapped(BackwardsGradient), twin: LinearNetwork.Classifier(device));
        Assert.Superset(new HashSet<string> { "transfer-beats-white-box", "black-box-beats-white-box", "unbounded-attack-fails" },
            Suspicious(HonestyChecks.All(subject)));
    }

    /// <summary>An evaluation whose attack hardly moves an image is seen beside one that does.</summary>
    [Fact]
    public void AWeakEvaluationIsFound()
    {
        Classifier model = LinearNetwork.Classifier(device);
        HonestySubject weak = Subject(model, attacks: [new(new PgdAttack(new(0.05, 1e-4, 5)))], epsilon: 0.05);
        HonestySubject fair = Subject(model, attacks: AttackCatalog.Of(["autoattack"], new(0.05, Queries: 100)), epsilon: 0.05);
        Assert.Equal(["stronger-attack-helps"], Suspicious([HonestyChecks.StrongerAttackHelps(weak)]));
        Assert.False(HonestyChecks.StrongerAttackHelps(fair).IsSuspicious);
    }

    /// <summary>The logits, with the gradient of their negative.</summary>
    private static Tensor BackwardsGradient(Tensor logits) => logits.Detach(requiresGrad: false).Scale(2).AddScaled(logits, -1);

    private static HashSet<string> Suspicious(IEnumerable<HonestyFinding> findings) =>
        [.. findings.Where(f => f.IsSuspicious).Select(f => f.Name)];

    private HonestySubject Subject(
        Classifier model, Classifier? twin = null, IReadOnlyList<PlannedAttack>? attacks = null, double epsilon = 0.01)
    {
        // Labels as the plain linear model has them, so that it is right about everything.
        ImageBatch batch = Made.Batch(device, [.. Enumerable.Range(0, 60)]);
        int[] labels = LinearNetwork.Classifier(device).Forward(batch.Images, ForwardMode.Inference).Logits.Predict().ToArray();
        ImageSet images = new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
            labels, batch.Images.ToArray());
        return new(model, images, epsilon, PerturbationNorm.Linf, 25, 1, twin, attacks);
    }

    private Classifier Wrapped(Func<Tensor, Tensor> change) => LinearNetwork.Classifier(device, change: change);
}
