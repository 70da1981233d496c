using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation.Honesty;

/// <summary>A classifier on a few images, asked the questions that the checks have in common. What was answered once is not computed
/// again.</summary>
/// <param name="model">Under suspicion.</param>
/// <param name="images">A few hundred.</param>
/// <param name="epsilon">Of the claim, of pixels in [0, 1].</param>
/// <param name="attacks">Of the evaluation that is under suspicion; null for PGD-20.</param>
/// <param name="twin">A naturally trained classifier of the same images, for attacks that are transferred; null for none.</param>
public sealed class HonestySubject(Classifier model, ImageSet images, double epsilon, PerturbationNorm norm, int batchSize, ulong seed,
    Classifier? twin = null, IReadOnlyList<PlannedAttack>? attacks = null)
{
    private readonly Dictionary<string, double> accuracies = [];

    /// <summary>The classifier that is checked.</summary>
    public Classifier Model => model;
    /// <summary>The images that it is checked on.</summary>
    public ImageSet Images => images;
    /// <summary>Radius of the ball, in units of [0, 1] pixels.</summary>
    public double Epsilon => epsilon;
    /// <summary>Norm of the ball.</summary>
    public PerturbationNorm Norm => norm;
    /// <summary>A naturally trained network of the same task for transfer attacks; null for none.</summary>
    public Classifier? Twin => twin;

    /// <summary>Where no image could stay what it is: half the range of a pixel, or in L2 half of the image's diagonal.</summary>
    public double HugeEpsilon => norm == PerturbationNorm.Linf ? 0.5 : 0.5 * Math.Sqrt(images.ImageLength);

    /// <summary>PGD as robustness is measured by it.</summary>
    public PgdAttack Pgd(double ball, int steps) => PgdAttack.Standard(new(norm, ball), steps);

    /// <summary>Share of the images that are right and that none of the evaluation's own attacks turns; of PGD-20 where there are
    /// none.</summary>
    public double UnderEvaluation() => Ask("evaluation", () =>
    {
        EvaluationReport report = new Evaluator(model, images, batchSize, seed)
            .Run(attacks ?? [new(Pgd(epsilon, 20))], CancellationToken.None, isCascade: true);
        return report.WorstCaseAccuracy;
    });

    /// <summary>Share of the images that are right and that the attack does not turn; it is crafted on the twin where
    /// <paramref name="transferred"/>.</summary>
    public double Under(IAttack attack, bool transferred = false) => Ask($"{attack.Name} {attack.Epsilon:R} {transferred}",
        () => Accuracy(batch => attack.Perturb(transferred ? twin! : model, batch, new RandomKey(seed, RandomPurpose.AttackStart))));

    /// <summary>Runs something on each batch.</summary>
    public void ForEachBatch(Action<ImageBatch> look)
    {
        foreach (var (_, batch) in new DeviceBatches(model.Device, images, batchSize))
            look(batch);
    }

    /// <summary>Logits [images, classes] in inference mode.</summary>
    public Tensor Logits(Tensor x) => model.Forward(x, ForwardMode.Inference).Logits;

    private double Accuracy(Func<ImageBatch, Tensor> change)
    {
        int right = 0;
        ForEachBatch(batch =>
        {
            int[] labels = batch.Labels.ToArray(), before = Logits(batch.Images).Predict().ToArray(),
                after = Logits(change(batch)).Predict().ToArray();
            right += labels.Index().Count(entry => after[entry.Index] == entry.Item && before[entry.Index] == entry.Item);
        });
        return (double)right / images.Count;
    }

    private double Ask(string question, Func<double> compute) =>
        accuracies.TryGetValue(question, out double known) ? known : accuracies[question] = compute();
}
