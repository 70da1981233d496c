using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Objectives;

/// <summary>The distance of two contrasted rows.</summary>
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
}

/// <summary>How rows are contrasted: the similarity of two is −distance/temperature.</summary>
public sealed record ContrastiveSettings
{
    /// <summary>Which rows are an anchor's positives and negatives.</summary>
    [SettingChoice("strategy", "Positive and negative selection of the contrastive loss: global, hard, soft, leaked or merge.",
        typeof(PairSelection))]
    public PairSelection Strategy { get; init; } = SelectionStrategy.Leaked;

    /// <summary>Distance between rows.</summary>
    [Setting("distance", "Distance of two latents: cosine, dot, l1, l2 or linf.")]
    public ContrastiveDistance Distance { get; init; } = ContrastiveDistance.Linf;

    /// <summary>τ.</summary>
    [Setting("temperature", "Similarity is -distance/T.", Form = "T", Min = 1e-4)]
    public double Temperature { get; init; } = 0.2;

    /// <summary>Divide each row by its L2 norm; the cosine distance always does.</summary>
    [Setting("normalize-rows", "Divide each contrasted latent by its L2 norm.")]
    public bool NormalizeRows { get; init; } = true;

    /// <summary>The distance that the kernels compute, on rows that are normalised for the cosine.</summary>
    public RowDistance RowDistance => Distance switch
    {
        ContrastiveDistance.L1 => RowDistance.L1,
        ContrastiveDistance.L2 => RowDistance.L2,
        ContrastiveDistance.Linf => RowDistance.Linf,
        _ => RowDistance.Dot,
    };

    /// <summary>L_SCL of some rows.</summary>
    /// <param name="rows">[n, d].</param>
    /// <param name="labels">[n].</param>
    /// <param name="predictions">[n], for the strategies that select by them.</param>
    public Tensor Loss(Tensor rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions)
    {
        bool isNormalized = NormalizeRows || Distance == ContrastiveDistance.Cosine;
        return (isNormalized ? rows.NormalizeRows() : rows).ContrastiveLoss(labels, predictions, Strategy, RowDistance, (float)Temperature);
    }
}
