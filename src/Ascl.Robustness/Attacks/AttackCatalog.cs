using Ascl.Kernels.Attack;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Robustness.Attacks;

/// <summary>What attacks are made with; those whose authors fixed a value keep theirs.</summary>
/// <param name="StepSize">Of PGD and Multi-Targeted.</param>
/// <param name="Steps">Of PGD.</param>
/// <param name="Restarts">Of PGD.</param>
/// <param name="Iterations">Of Auto-PGD and FAB-T.</param>
/// <param name="Queries">Of Square.</param>
public sealed record AttackOptions(
    double Epsilon, double StepSize, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 20, int Restarts = 1, int Iterations = 100, int Queries = 5000);

/// <summary>An attack and how often it may begin anew; an image counts as robust if it survives all starts.</summary>
public sealed record PlannedAttack(IAttack Attack, int Restarts = 1);

/// <summary>The attacks by the names of the command line.</summary>
public static class AttackCatalog
{
    private const int Targets = 9, MultiTargetedSteps = 20;

    private static readonly Dictionary<string, Func<AttackOptions, PlannedAttack>> Single = new()
    {
        ["noise"] = o => new(new NoiseAttack(o.Epsilon, norm: o.Norm)),
        ["fgsm"] = o => new(PgdAttack.Fgsm(o.Epsilon, o.Norm)),
        ["pgd"] = o => new(new PgdAttack(new(o.Epsilon, o.StepSize, o.Steps, o.Norm)), o.Restarts),
        ["pgd-margin"] = o => new(new PgdAttack(new(o.Epsilon, o.StepSize, o.Steps, o.Norm, Loss: AttackLoss.Margin)), o.Restarts),
        ["pgd-dlr"] = o => new(new PgdAttack(new(o.Epsilon, o.StepSize, o.Steps, o.Norm, Loss: AttackLoss.Dlr)), o.Restarts),
        ["multi-targeted"] = o => new(new MultiTargetedAttack(o.Epsilon, o.StepSize, MultiTargetedSteps, o.Norm)),
        ["apgd-ce"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations))),
        ["apgd-dlr"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr))),
        ["apgd-t"] = o => new(new AutoPgdAttack(new(o.Epsilon, o.Norm, o.Iterations, AttackLoss.Dlr, Targets))),
        ["fab-t"] = o => new(new BoundaryAttack(new(o.Epsilon, o.Norm, o.Iterations, Targets))),
        ["square"] = o => o.Norm == PerturbationNorm.Linf ? new(new SquareAttack(o.Epsilon, o.Queries)) : throw new UserErrorException("attack square: there is only its form for linf yet: leave it out, or give --norm linf"),
        ["brendel-bethge"] = o => o.Norm == PerturbationNorm.Linf ? new(new BrendelBethgeAttack(o.Epsilon)) : throw new UserErrorException("attack brendel-bethge: there is only its form for linf: leave it out, or give --norm linf"),
    };

    private static readonly Dictionary<string, string[]> Ensembles = new()
    {
        ["autoattack"] = ["apgd-ce", "apgd-t", "fab-t", "square"],
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Single.Keys, .. Ensembles.Keys];

    /// <summary>The attacks that a list of names stands for, in its order.</summary>
    /// <exception cref="UserErrorException">There is none of that name, or not in that norm.</exception>
    public static IReadOnlyList<PlannedAttack> Of(IEnumerable<string> names, AttackOptions options) =>
        [.. names.SelectMany(name => Ensembles.TryGetValue(name, out string[]? members) ? members : [name])
            .Select(name => Single.TryGetValue(name, out var make) ? make(options) : throw NearestName.Unknown("attack", name, Names))];

    /// <summary>What an attack does otherwise than its definition for so many classes; null for nothing.</summary>
    public static string? Note(IAttack attack, int classes) => attack switch
    {
        AutoPgdAttack { Settings: { Loss: AttackLoss.Dlr } s } when s.Loss.For(classes, s.Targets > 0) != s.Loss =>
            $"{attack.Name}: the difference of logits ratio is not defined for {classes} classes; the margin takes its place",
        PgdAttack { Settings.Loss: AttackLoss.Dlr } when AttackLoss.Dlr.For(classes, false) != AttackLoss.Dlr =>
            $"{attack.Name}: the difference of logits ratio is not defined for {classes} classes; the margin takes its place",
        _ => null,
    };
}
