using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Attack;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>What attacks are made with; those whose authors fixed a value keep theirs.</summary>
/// <param name="StepSize">Of PGD and Multi-Targeted; null: <see cref="PgdSettings.DefaultStepSize"/>.</param>
/// <param name="Steps">Of PGD.</param>
/// <param name="Restarts">Of PGD.</param>
/// <param name="Iterations">Of Auto-PGD and FAB.</param>
/// <param name="Queries">Of Square.</param>
/// <param name="Passes">Of Auto-PGD, for each gradient.</param>
public sealed record AttackOptions(
    double Epsilon, double? StepSize = null, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 20, int Restarts = 1,
    int Iterations = 100, int Queries = 5000, int Passes = 1)
{
    /// <summary>The length of a step of an attack of so many.</summary>
    public double StepOf(int steps) => StepSize ?? PgdSettings.DefaultStepSize(Epsilon, steps);

    /// <summary>The same attacks within another ε; a step size that was given keeps its share of ε.</summary>
    public AttackOptions Within(double epsilon) =>
        this with { Epsilon = epsilon, StepSize = Epsilon > 0 ? StepSize * (epsilon / Epsilon) : null };
}

/// <summary>An attack and how often it may begin anew; an image counts as robust if it survives all starts.</summary>
public sealed record PlannedAttack(IAttack Attack, int Restarts = 1);

/// <summary>The attacks by the names of the command line.</summary>
public static class AttackCatalog
{
    private const int Targets = 9, MultiTargetedSteps = 20, StartsOfPlus = 5, PassesOfRand = 20;

    private static readonly Dictionary<string, Func<AttackOptions, PlannedAttack>> Single = new()
    {
        ["noise"] = o => new(new NoiseAttack(o.Epsilon, norm: o.Norm)),
        ["fgsm"] = o => new(PgdAttack.Fgsm(o.Epsilon, o.Norm)),
        ["pgd"] = o => new(new PgdAttack(new(o.Epsilon, o.StepOf(o.Steps), o.Steps, o.Norm)), o.Restarts),
        ["pgd-margin"] = o => new(new PgdAttack(new(o.Epsilon, o.StepOf(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.Margin)), o.Restarts),
        ["pgd-dlr"] = o => new(new PgdAttack(new(o.Epsilon, o.StepOf(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.Dlr)), o.Restarts),
        ["pgd-kl"] = o =>
            new(new PgdAttack(new(o.Epsilon, o.StepOf(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.KullbackLeibler)), o.Restarts),
        ["multi-targeted"] = o => new(new MultiTargetedAttack(o.Epsilon, o.StepOf(MultiTargetedSteps), MultiTargetedSteps, o.Norm)),
        ["apgd-ce"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, Passes: o.Passes))),
        ["apgd-dlr"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Passes: o.Passes))),
        ["apgd-t"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Targets, o.Passes))),
        ["fab"] = o => new(new BoundaryAttack(new(o.Epsilon, o.Norm, o.Iterations, Targets: 0))),
        ["fab-t"] = o => new(new BoundaryAttack(new(o.Epsilon, o.Norm, o.Iterations, Targets))),
        ["square"] = o => new(new SquareAttack(o.Epsilon, o.Queries, o.Norm)),
        ["brendel-bethge"] = o =>
            o.Norm == PerturbationNorm.Linf
                ? new(new BrendelBethgeAttack(o.Epsilon))
                : throw new UserErrorException("attack brendel-bethge: there is only its form for linf: leave it out, or give --norm linf"),
    };

    /// <summary>Auto-Attack's versions, their attacks in the order of the authors' code.</summary>
    private static readonly Dictionary<string, Func<AttackOptions, PlannedAttack[]>> Ensembles = new()
    {
        ["autoattack"] = o => [Member("apgd-ce", o), Member("apgd-t", o), Member("fab-t", o), Member("square", o)],
        ["autoattack-plus"] = o =>
            [Member("apgd-ce", o, StartsOfPlus), Member("apgd-dlr", o, StartsOfPlus), Member("fab", o, StartsOfPlus), Member("square", o),
                Member("apgd-t", o), Member("fab-t", o)],
        ["autoattack-rand"] = o =>
            [Member("apgd-ce", o with { Passes = PassesOfRand }), Member("apgd-dlr", o with { Passes = PassesOfRand })],
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Single.Keys, .. Ensembles.Keys];

    /// <summary>The attacks that a list of names stands for, in its order.</summary>
    /// <exception cref="UserErrorException">There is none of that name, or not in that norm.</exception>
    public static IReadOnlyList<PlannedAttack> Of(IEnumerable<string> names, AttackOptions options) =>
        [.. names.SelectMany(name => Ensembles.TryGetValue(name, out var make) ? make(options)
            : Single.ContainsKey(name) ? [Member(name, options)]
            : throw NearestName.Unknown("attack", name, Names))];

    /// <summary>Whether a change of an option changes nothing of these attacks.</summary>
    public static bool Ignores(IReadOnlyList<string> names, AttackOptions options, AttackOptions changed)
    {
        return Settings(options).SequenceEqual(Settings(changed));

        IEnumerable<(string, int, double?, int)> Settings(AttackOptions of) =>
            Of(names, of).Select(planned => (planned.Attack.Name, planned.Attack.Steps, planned.Attack.StepSize, planned.Restarts));
    }

    /// <exception cref="UserErrorException">One of the attacks, or what is asked for beside them, needs gradients, and the classifier has
    /// none.</exception>
    /// <param name="beside">What else needs gradients; null for nothing.</param>
    public static void CheckGradients(Classifier model, IEnumerable<IAttack> attacks, string? beside = null)
    {
        string? refused = attacks.FirstOrDefault(attack => attack.UsesGradients)?.Name ?? beside;
        if (model.HasGradients || refused is null)
            return;
        IEnumerable<string> others = Single.Where(entry => !entry.Value(new(0)).Attack.UsesGradients).Select(entry => entry.Key);
        throw new UserErrorException($"{refused} needs gradients, which there are none of in {model.Spec.Network}: attacks without are "
            + $"{string.Join(", ", others)}");
    }

    /// <summary>What an attack does otherwise than its definition for so many classes, or does in vain; null for nothing.</summary>
    /// <param name="isRandom">Whether the classifier's logits differ from pass to pass.</param>
    public static string? Note(IAttack attack, int classes, bool isRandom = false)
    {
        var (usesRatio, targets, passes) = attack switch
        {
            AutoPgdAttack { Settings: var s } => (s.Loss == AttackLoss.Dlr, s.Targets, s.Passes),
            BoundaryAttack { Settings: var s } => (false, s.Targets, 1),
            PgdAttack { Settings: var s } => (s.Loss == AttackLoss.Dlr, 0, 1),
            _ => (false, 0, 1),
        };
        List<string> notes = [];
        if (attack.StepSize is { } step && PgdSettings.StepProblem(attack.Epsilon, step, attack.Steps) is { } problem)
            notes.Add($"{problem}: its accuracy is too high");
        if (usesRatio && AttackLoss.Dlr.For(classes, targets > 0) != AttackLoss.Dlr)
            notes.Add($"the difference of logits ratio is not defined for {classes} classes; the margin takes its place");
        if (targets >= classes)
            notes.Add($"{classes} classes: {classes - 1} of {targets} targets");
        if (passes > 1 && !isRandom)
            notes.Add($"the network is not random: {passes} passes give the gradient of one");
        return notes.Count == 0 ? null : $"{attack.Name}: {string.Join("; ", notes)}";
    }

    private static PlannedAttack Member(string name, AttackOptions options, int? starts = null)
    {
        PlannedAttack planned = Single[name](options);
        return starts is { } count ? planned with { Restarts = count } : planned;
    }
}
