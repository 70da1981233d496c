using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Objectives;

/// <summary>Distance between two contrasted rows.</summary>
public enum ContrastiveDistance
{
    /// <summary>Minus the dot product of normalised rows.</summary>
    Cosine,

    /// <summary>Minus the dot product.</summary>
    Dot,

    /// <summary>Σ |a − b|.</summary>
    L1,

    /// <summary>√Σ (a − b)².</summary>
    L2,

    /// <summary>max |a − b|.</summary>
    Linf,

    /// <summary>Mean of the 10 largest |a − b|; of all, if there are fewer.</summary>
    Lkinf,
}

/// <summary>Settings of the contrastive loss; the similarity of two rows is −distance/temperature.</summary>
public sealed record ContrastiveSettings
{
    /// <summary>Selection strategy for positives and negatives.</summary>
    [SettingChoice("strategy", "Positive and negative selection of the contrastive loss: global, hard, soft, leaked or merge.",
        typeof(PairSelection))]
    public PairSelection Strategy { get; init; } = SelectionStrategy.Leaked;

    /// <summary>Distance between rows.</summary>
    [Setting("distance", "Distance of two latents: cosine, dot, l1, l2, linf or lkinf (the mean of the 10 largest differences).")]
    public ContrastiveDistance Distance { get; init; } = ContrastiveDistance.Linf;

    /// <summary>Temperature τ of the similarity.</summary>
    [Setting("temperature", "Similarity is -distance/T.", Form = "T", Min = 1e-4)]
    public double Temperature { get; init; } = 0.2;

    /// <summary>Whether rows are divided by their L2 norm; with cosine distance they always are.</summary>
    [Setting("normalize-rows", "Divide each contrasted latent by its L2 norm.")]
    public bool NormalizeRows { get; init; } = true;

    /// <summary>The distance that the kernels compute; for cosine it is the dot product of normalised rows.</summary>
    public RowDistance RowDistance => Distance switch
    {
        ContrastiveDistance.L1 => RowDistance.L1,
        ContrastiveDistance.L2 => RowDistance.L2,
        ContrastiveDistance.Linf => RowDistance.Linf,
        ContrastiveDistance.Lkinf => RowDistance.Lkinf,
        _ => RowDistance.Dot,
    };

    /// <summary>The supervised contrastive loss L_SCL of some rows.</summary>
    /// <param name="rows">[n, d].</param>
    /// <param name="labels">[n].</param>
    /// <param name="predictions">[n]; used by strategies that select by prediction.</param>
    public Tensor Loss(Tensor rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions)
    {
        bool isNormalized = NormalizeRows || Distance == ContrastiveDistance.Cosine;
        return (isNormalized ? rows.NormalizeRows() : rows).ContrastiveLoss(labels, predictions, Strategy, RowDistance, (float)Temperature);
    }
}
