using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings from which the catalogue builds its attacks. An attack whose authors fixed a value keeps that value.</summary>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="StepSize">Step size of PGD and Multi-Targeted; null: <see cref="PgdSettings.DefaultStepSize"/>.</param>
/// <param name="Norm">Norm of the ball.</param>
/// <param name="Steps">Iterations of PGD.</param>
/// <param name="Restarts">Random starts of PGD.</param>
/// <param name="Iterations">Iterations of Auto-PGD, PMA and FAB; ten times as many in each descent of Carlini and Wagner's attack.</param>
/// <param name="Queries">Queries of Square for each image.</param>
/// <param name="Passes">Forward and backward passes that Auto-PGD averages for each gradient (EOT).</param>
public sealed record AttackOptions(
    double Epsilon, double? StepSize = null, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 20, int Restarts = 1,
    int Iterations = 100, int Queries = 5000, int Passes = 1)
{
    /// <summary>The step size of an attack with this many steps.</summary>
    public double StepSizeFor(int steps) => StepSize ?? PgdSettings.DefaultStepSize(Epsilon, steps);

    /// <summary>The same options for another ε; an explicit step size is scaled with ε.</summary>
    public AttackOptions Within(double epsilon) =>
        this with { Epsilon = epsilon, StepSize = Epsilon > 0 ? StepSize * (epsilon / Epsilon) : null };
}

/// <summary>An attack and its number of random starts; an image counts as robust if it survives all of them.</summary>
/// <param name="Attack">The attack.</param>
/// <param name="Restarts">How often it is run, each time with other random numbers on the images that are left.</param>
public sealed record PlannedAttack(IAttack Attack, int Restarts = 1);

/// <summary>The built-in attacks by name.</summary>
public static class AttackCatalog
{
    private const int Targets = 9, MultiTargetedSteps = 20, PlusRestarts = 5, RandPasses = 20, StepsOfDescents = 10;

    private static readonly Dictionary<string, Func<AttackOptions, PlannedAttack>> Single = new()
    {
        ["noise"] = o => new(new NoiseAttack(o.Epsilon, norm: o.Norm)),
        ["fgsm"] = o => new(PgdAttack.Fgsm(o.Epsilon, o.Norm)),
        ["pgd"] = o => new(new PgdAttack(new(o.Epsilon, o.StepSizeFor(o.Steps), o.Steps, o.Norm)), o.Restarts),
        ["pgd-margin"] = o =>
            new(new PgdAttack(new(o.Epsilon, o.StepSizeFor(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.Margin)), o.Restarts),
        ["pgd-dlr"] = o =>
            new(new PgdAttack(new(o.Epsilon, o.StepSizeFor(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.Dlr)), o.Restarts),
        ["pgd-kl"] = o =>
            new(new PgdAttack(new(o.Epsilon, o.StepSizeFor(o.Steps), o.Steps, o.Norm, Loss: AttackLoss.KullbackLeibler)), o.Restarts),
        ["multi-targeted"] = o => new(new MultiTargetedAttack(o.Epsilon, o.StepSizeFor(MultiTargetedSteps), MultiTargetedSteps, o.Norm)),
        ["apgd-ce"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, Passes: o.Passes))),
        ["apgd-dlr"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Passes: o.Passes))),
        ["apgd-t"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Targets, o.Passes))),
        ["malt"] = o => new(new AutoPgdAttack(
            new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Targets, o.Passes, TargetOrder.Boundary))),
        ["pma"] = o => new(new ProbabilityMarginAttack(o.Epsilon, o.Iterations, o.Norm)),
        ["fab"] = o => new(new BoundaryAttack(new(o.Epsilon, o.Norm, o.Iterations, Targets: 0))),
        ["fab-t"] = o => new(new BoundaryAttack(new(o.Epsilon, o.Norm, o.Iterations, Targets))),
        ["deepfool"] = o => new(new DeepFoolAttack(o.Epsilon, o.Norm)),
        ["cw"] = o => new(new CarliniWagnerAttack(new(o.Epsilon, StepsOfDescents * o.Iterations))),
        ["square"] = o => new(new SquareAttack(o.Epsilon, o.Queries, o.Norm)),
        ["brendel-bethge"] = o => new(new BrendelBethgeAttack(o.Epsilon)),
    };

    /// <summary>The norms of the attacks that are not for all of them.</summary>
    private static readonly Dictionary<string, PerturbationNorm[]> Limited = new()
    {
        ["cw"] = [PerturbationNorm.L2],
        ["brendel-bethge"] = [PerturbationNorm.Linf],
    };

    /// <summary>The versions of Auto-Attack, with their attacks in the order of the authors' code, and two that are not of Auto-Attack:
    /// PMA+ as <c>fast</c> and MALT as <c>many-classes</c>.</summary>
    private static readonly Dictionary<string, Func<AttackOptions, PlannedAttack[]>> Ensembles = new()
    {
        ["autoattack"] = o => [Member("apgd-ce", o), Member("apgd-t", o), Member("fab-t", o), Member("square", o)],
        ["autoattack-plus"] = o =>
            [Member("apgd-ce", o, PlusRestarts), Member("apgd-dlr", o, PlusRestarts), Member("fab", o, PlusRestarts), Member("square", o),
                Member("apgd-t", o), Member("fab-t", o)],
        ["autoattack-rand"] = o =>
            [Member("apgd-ce", o with { Passes = RandPasses }), Member("apgd-dlr", o with { Passes = RandPasses })],
        ["fast"] = o => [Member("pma", o), Member("apgd-t", o)],
        ["many-classes"] = o => [Member("malt", o)],
    };

    /// <summary>The names that stand for several attacks, or for one under the name of its purpose.</summary>
    public static IReadOnlyList<string> EnsembleNames { get; } = [.. Ensembles.Keys];

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Single.Keys, .. Ensembles.Keys];

    /// <summary>The norms in which the attack with a name works.</summary>
    public static IReadOnlyList<PerturbationNorm> NormsOf(string name) =>
        Limited.TryGetValue(name, out PerturbationNorm[]? norms) ? norms : Enum.GetValues<PerturbationNorm>();

    /// <summary>The attacks with these names, in the same order.</summary>
    /// <exception cref="UserErrorException">An attack is unknown, or does not support the norm.</exception>
    public static IReadOnlyList<PlannedAttack> Of(IEnumerable<string> names, AttackOptions options) =>
        [.. names.SelectMany(name => Ensembles.TryGetValue(name, out var make) ? make(options)
            : Single.ContainsKey(name) ? [Member(name, options)]
            : throw NearestName.Unknown("attack", name, Names))];

    /// <summary>Whether these attacks are the same under both options.</summary>
    public static bool Ignores(IReadOnlyList<string> names, AttackOptions options, AttackOptions changed)
    {
        return Settings(options).SequenceEqual(Settings(changed));

        IEnumerable<(string, int, double?, int)> Settings(AttackOptions of) =>
            Of(names, of).Select(planned => (planned.Attack.Name, planned.Attack.Steps, planned.Attack.StepSize, planned.Restarts));
    }

    /// <summary>Checks that the classifier provides the gradients that attacks need.</summary>
    /// <exception cref="UserErrorException">One of the attacks, or <paramref name="otherUse"/>, needs gradients, which the classifier does
    /// not provide.</exception>
    /// <param name="otherUse">What else needs gradients, for the message; null if nothing does.</param>
    public static void CheckGradients(Classifier model, IEnumerable<IAttack> attacks, string? otherUse = null)
    {
        string? needing = attacks.FirstOrDefault(attack => attack.UsesGradients)?.Name ?? otherUse;
        if (model.HasGradients || needing is null)
            return;
        throw new UserErrorException($"{needing} needs gradients, which {model.Spec.Network} does not provide; attacks without gradients "
            + $"are {string.Join(", ", NamesWhere(attack => !attack.UsesGradients))}");
    }

    /// <summary>Checks that attacks can lead images to given classes.</summary>
    /// <exception cref="UserErrorException">One of them cannot.</exception>
    public static void CheckTargets(IEnumerable<IAttack> attacks)
    {
        if (attacks.FirstOrDefault(attack => !attack.TakesTargets) is not { } other)
            return;
        throw new UserErrorException($"{other.Name} cannot lead images to a target class; attacks that can are "
            + string.Join(", ", NamesWhere(attack => attack.TakesTargets)));
    }

    /// <summary>How an attack deviates from its definition for this number of classes, or why it is weak or wasteful; null if
    /// neither.</summary>
    /// <param name="isRandom">Whether the classifier's logits are stochastic.</param>
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
        if (attack is ProbabilityMarginAttack or AutoPgdAttack { Settings: { Targets: > 0, Order: TargetOrder.Boundary } })
            notes.Add("not of Auto-Attack, so accuracies under it are not Auto-Attack's");
        if (attack.StepSize is { } step && PgdSettings.StepProblem(attack.Epsilon, step, attack.Steps) is { } problem)
            notes.Add($"{problem}: the attack is too weak, so its accuracy is too high");
        if (usesRatio && AttackLoss.Dlr.For(classes, targets > 0) != AttackLoss.Dlr)
            notes.Add($"the difference of logits ratio is not defined for {classes} classes; the margin takes its place");
        if (targets >= classes)
            notes.Add($"{classes} classes: {classes - 1} of {targets} targets");
        if (passes > 1 && !isRandom)
            notes.Add($"the network is deterministic: averaging {passes} passes gives the same gradient as one");
        return notes.Count == 0 ? null : $"{attack.Name}: {string.Join("; ", notes)}";
    }

    private static IEnumerable<string> NamesWhere(Func<IAttack, bool> which) =>
        Single.Where(entry => which(entry.Value(new(0, Norm: NormsOf(entry.Key)[0])).Attack)).Select(entry => entry.Key);

    private static PlannedAttack Member(string name, AttackOptions options, int? starts = null)
    {
        if (!NormsOf(name).Contains(options.Norm))
        {
            string norms = string.Join(" and ", NormsOf(name).Select(norm => NameText.Of(norm)));
            throw new UserErrorException($"attack {name} works only in {norms}: leave it out, or set norm to {norms}");
        }
        PlannedAttack planned = Single[name](options);
        return starts is { } count ? planned with { Restarts = count } : planned;
    }
}
