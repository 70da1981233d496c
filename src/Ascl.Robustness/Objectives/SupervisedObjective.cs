using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Base of objectives with a cross-entropy term.</summary>
public abstract record SupervisedObjective : IObjective
{
    /// <summary>Share of the target probability spread evenly over the classes.</summary>
    [Setting("label-smoothing", "Share of the target probability spread evenly over the classes.", Form = "S", Min = 0, Below = 1)]
    public double LabelSmoothing { get; init; }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract AttackLoss? Attack { get; }

    /// <inheritdoc/>
    public virtual CraftingDefaults Crafting => CraftingDefaults.Of(Attack);

    /// <inheritdoc/>
    public virtual bool NeedsNatural => true;

    /// <inheritdoc/>
    public virtual bool LearnsFromNatural => NeedsNatural;

    /// <inheritdoc/>
    public virtual TrainedLayers Trains => TrainedLayers.All;

    /// <inheritdoc/>
    public virtual string Title => Name.ToUpperInvariant();

    /// <inheritdoc/>
    public abstract IReadOnlyList<LossTerm> Terms(ObjectiveInput input);

    /// <summary>Mean cross-entropy with the labels, smoothed.</summary>
    protected Tensor CrossEntropy(ModelOutput output, ObjectiveInput input) =>
        output.Logits.CrossEntropy(input.Labels, (float)LabelSmoothing);
}
