using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Base of objectives that add terms to another objective.</summary>
public abstract record CompositeObjective : IObjective
{
    /// <summary>The objective that terms are added to; its attack crafts the training images.</summary>
    [SettingChoice("base-objective", "Base objective to which adr and ascl add their terms: pgd-at or trades.", typeof(BaseObjectives),
        FormerName = "foundation")]
    public IObjective Base { get; init; } = new PgdAtObjective();

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public virtual string Title => Name.ToUpperInvariant();

    /// <inheritdoc/>
    public AttackLoss? Attack => Base.Attack;

    /// <inheritdoc/>
    public CraftingDefaults Crafting => Base.Crafting;

    /// <inheritdoc/>
    public bool NeedsNatural => true;

    /// <inheritdoc/>
    public abstract IReadOnlyList<LossTerm> Terms(ObjectiveInput input);
}
