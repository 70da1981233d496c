using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>What objectives have in common that add terms to those of another one.</summary>
public abstract record CompositeObjective : IObjective
{
    /// <summary>What the terms are added to; its attack is the one that is trained with.</summary>
    [SettingChoice("base-objective", "What adr and ascl add their terms to: pgd-at or trades.", typeof(BaseObjectives),
        FormerName = "foundation")]
    public IObjective Base { get; init; } = new PgdAtObjective();

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public virtual string Title => Name.ToUpperInvariant();

    /// <inheritdoc/>
    public AttackLoss? Attack => Base.Attack;

    /// <inheritdoc/>
    public bool NeedsNatural => true;

    /// <inheritdoc/>
    public abstract IReadOnlyList<LossTerm> Terms(ObjectiveInput input);
}
