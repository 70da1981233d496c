using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Supervised contrastive pre-training (Khosla et al. 2020): L_SCL over two views of each natural image.</summary>
public sealed record SupConObjective : IObjective
{
    /// <inheritdoc/>
    public string Name => "supcon";

    /// <inheritdoc/>
    [SettingGroup]
    public ContrastiveSettings Contrastive { get; init; } = new();

    /// <inheritdoc/>
    public AttackLoss? Attack => null;

    /// <inheritdoc/>
    public bool NeedsNatural => true;

    /// <inheritdoc/>
    public bool TrainsLogits => false;

    /// <inheritdoc/>
    public int MinimumViews => 2;

    /// <inheritdoc/>
    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
        [new("contrastive", 1, Contrastive.Loss(input.Project(input.Natural!.Latent), input.Labels, input.Natural.Logits.Predict()))];
}
