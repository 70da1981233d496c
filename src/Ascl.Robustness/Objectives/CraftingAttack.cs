using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>The attack that crafts an objective's training images.</summary>
public static class CraftingAttack
{
    /// <summary>PGD of these settings on the loss that the objective names; null for training without an attack.</summary>
    public static PgdAttack? AttackOf(this IObjective objective, TrainingAttackSettings settings) => objective.Attack is { } loss
        ? settings.Training(loss, objective.Trains == TrainedLayers.Head, objective.Crafting)
        : null;
}
