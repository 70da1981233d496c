using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation.Honesty;

/// <summary>The result of a check for false robustness: whether robust accuracy reflects a weak attack rather than a robust
/// classifier.</summary>
/// <param name="Name">Name of the check.</param>
/// <param name="IsSuspicious">Whether the check indicates false robustness.</param>
/// <param name="Seen">What was measured.</param>
/// <param name="Meaning">What a suspicious result means.</param>
public sealed record HonestyFinding(string Name, bool IsSuspicious, string Seen, string Meaning);

/// <summary>Checks for gradient masking and weak evaluation from Athalye et al. 2018 and Carlini et al. 2019, and those that Auto-Attack
/// warns of.</summary>
public static class HonestyChecks
{
    private const int Steps = 20, Queries = 500, Targets = 9;

    /// <summary>Differences of up to 2 % of the images may be noise.</summary>
    private const double Slack = 0.02;

    /// <summary>PGD accuracy is normally a few points above Auto-Attack's; a larger gap than this means that the attacks are too
    /// weak.</summary>
    private const double WeakAttackGap = 0.05;

    /// <summary>All applicable checks, cheapest first.</summary>
    public static IEnumerable<HonestyFinding> All(HonestySubject subject)
    {
        yield return RandomisedForward(subject);
        yield return SoftmaxOutputs(subject);
        yield return VanishingGradients(subject);
        yield return FgsmBeatsPgd(subject);
        yield return MoreStepsHelp(subject);
        yield return LargerBallHolds(subject);
        yield return UnboundedFails(subject);
        yield return BlackBoxBeatsWhiteBox(subject);
        yield return StrongerAttackHelps(subject);
        if (subject.Twin is not null)
            yield return TransferBeatsWhiteBox(subject);
    }

    /// <summary>Logits differ between two passes over the same images, or between an image alone and in a batch.</summary>
    public static HonestyFinding RandomisedForward(HonestySubject subject)
    {
        int differing = 0;
        subject.ForEachBatch(batch =>
        {
            float[] first = subject.Logits(batch.Images).ToArray(), again = subject.Logits(batch.Images).ToArray();
            float[] alone = subject.Logits(batch.Select([0]).Images).ToArray();
            differing += first.SequenceEqual(again) && alone.SequenceEqual(first[..alone.Length]) ? 0 : batch.Count;
        });
        return new("randomised-forward", differing > 0,
            $"logits of {differing} of {subject.Images.Count} images differ between two passes, or alone and in a batch",
            "attacks must average over the randomness (expectation over transformation), as autoattack-rand does");
    }

    /// <summary>The outputs are probabilities instead of logits.</summary>
    public static HonestyFinding SoftmaxOutputs(HonestySubject subject)
    {
        int like = 0;
        subject.ForEachBatch(batch => like += LogitChecks.CountProbabilities(subject.Logits(batch.Images).ToArray(),
            subject.Model.Spec.Classes));
        return new("softmax-outputs", like > subject.Images.Count / 2,
            $"outputs of {like} of {subject.Images.Count} images are probabilities",
            "attacks need logits: a softmax saturates and hides gradients");
    }

    /// <summary>The gradient of cross-entropy with respect to the image is zero at many images.</summary>
    public static HonestyFinding VanishingGradients(HonestySubject subject)
    {
        int vanished = 0;
        subject.ForEachBatch(batch => vanished += VanishedGradients.CountIn(subject.Model, batch));
        return new("vanishing-gradients", vanished > VanishedGradients.SuspiciousShare * subject.Images.Count,
            $"cross-entropy has no gradient at {vanished} of {subject.Images.Count} images",
            "attacks on cross-entropy fail there: rely on margin, DLR and gradient-free attacks");
    }

    /// <summary>The single step of FGSM succeeds more often than PGD.</summary>
    public static HonestyFinding FgsmBeatsPgd(HonestySubject subject)
    {
        double one = subject.AccuracyUnder(PgdAttack.Fgsm(subject.Epsilon, subject.Norm)),
            many = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps));
        return new("fgsm-beats-pgd", one < many - Slack, $"{Percent(one)} withstand FGSM, {Percent(many)} PGD-{Steps}",
            "an iterative attack that is weaker than a single step indicates gradient masking");
    }

    /// <summary>PGD with five times as many steps succeeds more often: it had not converged.</summary>
    public static HonestyFinding MoreStepsHelp(HonestySubject subject)
    {
        double some = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps)),
            more = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, 5 * Steps));
        return new("more-steps-help", more < some - Slack, $"{Percent(some)} withstand PGD-{Steps}, {Percent(more)} PGD-{5 * Steps}",
            $"PGD-{Steps} has not converged, so its accuracy overestimates robustness");
    }

    /// <summary>Robust accuracy within 4 ε is almost as high as within ε.</summary>
    public static HonestyFinding LargerBallHolds(HonestySubject subject)
    {
        double left = subject.AccuracyUnder(subject.Pgd(4 * subject.Epsilon, Steps)),
            own = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps));
        return new("larger-ball-holds", subject.Epsilon > 0 && own > Slack && left > 0.9 * own,
            $"{Percent(own)} withstand PGD-{Steps} within ε, {Percent(left)} within 4 ε",
            "genuine robust accuracy falls as ε grows");
    }

    /// <summary>PGD does not always succeed in a ball that contains a uniformly grey image.</summary>
    public static HonestyFinding UnboundedFails(HonestySubject subject)
    {
        double left = subject.AccuracyUnder(subject.Pgd(subject.UnboundedEpsilon, 5 * Steps));
        return new("unbounded-attack-fails", left > Slack,
            $"{Percent(left)} withstand PGD-{5 * Steps} in a ball in which every image can become grey",
            "the attack or the gradients must be broken if it does not succeed there");
    }

    /// <summary>The Square attack, which uses no gradients, succeeds more often than PGD.</summary>
    public static HonestyFinding BlackBoxBeatsWhiteBox(HonestySubject subject)
    {
        double blind = subject.AccuracyUnder(new SquareAttack(subject.Epsilon, Queries, subject.Norm)),
            white = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps));
        return new("black-box-beats-white-box", blind < white - Slack,
            $"{Percent(blind)} withstand Square with {Queries} queries, {Percent(white)} PGD-{Steps}",
            "a black-box attack should not beat a white-box attack");
    }

    /// <summary>APGD-T succeeds more often than the evaluation's own attacks by more than the usual gap.</summary>
    public static HonestyFinding StrongerAttackHelps(HonestySubject subject)
    {
        double own = subject.AccuracyUnderEvaluation(),
            strong = subject.AccuracyUnder(new AutoPgdAttack(new(subject.Epsilon, subject.Norm, Loss: AttackLoss.Dlr, Targets: Targets)));
        return new("stronger-attack-helps", strong < own - WeakAttackGap,
            $"{Percent(own)} withstand the attacks of this evaluation, {Percent(strong)} APGD-T",
            "the attacks are too weak to measure robustness: use autoattack");
    }

    /// <summary>PGD crafted on a naturally trained network succeeds more often than PGD on the classifier itself.</summary>
    public static HonestyFinding TransferBeatsWhiteBox(HonestySubject subject)
    {
        double transferred = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps), transferred: true),
            white = subject.AccuracyUnder(subject.Pgd(subject.Epsilon, Steps));
        return new("transfer-beats-white-box", transferred < white - Slack,
            $"{Percent(transferred)} withstand PGD-{Steps} crafted on a naturally trained twin, {Percent(white)} on the classifier itself",
            "gradients of another network should not give a stronger attack than the classifier's own");
    }

    private static string Percent(double share) => $"{100 * share:F1} %";
}
