using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation.Honesty;

/// <summary>The classifier and images under check, with the measurements that the checks share. Accuracies are cached.</summary>
/// <param name="model">The classifier to check.</param>
/// <param name="images">A few hundred images.</param>
/// <param name="epsilon">ε of the evaluation, for pixels in [0, 1].</param>
/// <param name="norm">Norm of the ball.</param>
/// <param name="batchSize">Images per batch.</param>
/// <param name="seed">Seed of the random numbers of attacks.</param>
/// <param name="twin">A naturally trained classifier of the same images for transfer attacks; null for none.</param>
/// <param name="attacks">The attacks of the evaluation; null for PGD-20.</param>
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

    /// <summary>An ε for which no classifier can be robust: half the range of a pixel, or in L2 half of the image's diagonal.</summary>
    public double UnboundedEpsilon => norm == PerturbationNorm.Linf ? 0.5 : 0.5 * Math.Sqrt(images.ImageLength);

    /// <summary>The standard PGD attack.</summary>
    public PgdAttack Pgd(double ball, int steps) => PgdAttack.Standard(new(norm, ball), steps);

    /// <summary>Worst-case accuracy under the evaluation's own attacks, or PGD-20 if there are none.</summary>
    public double AccuracyUnderEvaluation() => Cached("evaluation", () =>
    {
        EvaluationReport report = new Evaluator(model, images, batchSize, seed)
            .Run(attacks ?? [new(Pgd(epsilon, 20))], CancellationToken.None, isCascade: true);
        return report.WorstCaseAccuracy;
    });

    /// <summary>Accuracy under an attack, crafted on the twin if <paramref name="transferred"/>.</summary>
    public double AccuracyUnder(IAttack attack, bool transferred = false) => Cached($"{attack.Name} {attack.Epsilon:R} {transferred}",
        () => Accuracy(batch => attack.Perturb(transferred ? twin! : model, batch, new RandomKey(seed, RandomPurpose.AttackStart))));

    /// <summary>Runs <paramref name="work"/> on each batch.</summary>
    public void ForEachBatch(Action<ImageBatch> work)
    {
        foreach (var (_, batch) in new DeviceBatches(model.Device, images, batchSize))
            work(batch);
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

    private double Cached(string question, Func<double> compute) =>
        accuracies.TryGetValue(question, out double known) ? known : accuracies[question] = compute();
}
