using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Robustness.Objectives;

/// <summary>Which rows are contrasted when a batch holds two views of each image (all first views, then all view).</summary>
public enum ViewPairing
{
    /// <summary>All rows together; also the mode for single views.</summary>
    Jointly,

    /// <summary>½ ASCL(z₁, z₂) + ½ ASCL(z₁^a, z₂^a): natural rows, and adversarial rows.</summary>
    SameKind,

    /// <summary>½ ASCL(z₁, z₁^a) + ½ ASCL(z₂, z₂^a): the rows of each view.</summary>
    SameView,
}

/// <summary>
/// Adversarial supervised contrastive learning (Bui et al. 2021): the terms of the base objective + ContrastiveWeight·L_SCL over the
/// natural and adversarial rows + VatWeight·mean KL(softmax o ‖ softmax o^a).
/// </summary>
public sealed record AsclObjective : CompositeObjective, IObjective
{
    /// <inheritdoc/>
    public override string Name => "ascl";

    /// <inheritdoc/>
    [SettingGroup]
    public ContrastiveSettings Contrastive { get; init; } = new();

    /// <summary>Which rows are contrasted when a batch holds two views of each image.</summary>
    [Setting("view-pairing",
        "With two views, the rows that ascl contrasts: jointly (all), same-kind (natural, and adversarial) or same-view (those of each "
            + "view).")]
    public ViewPairing ViewPairing { get; init; }

    /// <summary>
    /// Whether rows are of the class predicted for them instead of the given one: the authors' <c>soft_label</c>. With leaked or soft
    /// selection there are then no negatives.
    /// </summary>
    [Setting("predicted-labels", "Rows are contrasted by the class predicted for each, not the given one (ascl); leaked and soft selection "
        + "then have no negatives.")]
    public bool PredictedLabels { get; init; }

    /// <summary>Weight of the contrastive term.</summary>
    [Setting("contrastive-weight", "Weight of the contrastive term.", Form = "W", Min = 0)]
    public double ContrastiveWeight { get; init; } = 1;

    /// <summary>Weight of the batch-mean KL between natural and adversarial predictions.</summary>
    [Setting("vat-weight", "Weight of KL(natural || adversarial prediction), mean over the batch (ascl).", Form = "W", Min = 0)]
    public double VatWeight { get; init; } = 0.2;

    /// <inheritdoc/>
    public override string Title => $"ASCL ({Contrastive.Strategy} selection, {NameText.Of(Contrastive.Distance)} distance)";

    /// <inheritdoc/>
    public int MinimumViews => ViewPairing == ViewPairing.Jointly ? 1 : 2;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        List<LossTerm> terms = [.. Base.Terms(input), new("contrastive", ContrastiveWeight, ContrastiveTerm(input))];
        if (VatWeight > 0)
            terms.Add(new("vat_kl", VatWeight, input.Natural!.Logits.KullbackLeibler(input.Adversarial!.Logits).Mean()));
        return terms;
    }

    private Tensor ContrastiveTerm(ObjectiveInput input)
    {
        Tensor natural = input.Project(input.Natural!.Latent), adversarial = input.Project(input.Adversarial!.Latent);
        var (labels, predictions) = PairLabels(input, PredictedLabels);
        Tensor rows = natural.Concatenate(adversarial);
        if (ViewPairing == ViewPairing.Jointly)
            return Contrastive.Loss(rows, labels, predictions);
        // Quarters of the rows: z₁, z₂, z₁^a, z₂^a.
        int quarter = rows.Shape[0] / 4;
        return ViewPairing == ViewPairing.SameKind
            ? Quarters(0, 1).Scale(0.5f).AddScaled(Quarters(2, 3), 0.5f)
            : Quarters(0, 2).Scale(0.5f).AddScaled(Quarters(1, 3), 0.5f);

        Tensor Quarters(int a, int b) => Contrastive.Loss(
            rows.Rows(a * quarter, quarter).Concatenate(rows.Rows(b * quarter, quarter)), Part(labels, a, b, quarter),
            Part(predictions, a, b, quarter));
    }

    private static DeviceBuffer<int> Part(DeviceBuffer<int> values, int a, int b, int length)
    {
        DeviceBuffer<int> part = values.Device.Allocate<int>(2 * length);
        ElementwiseKernels.Copy(values, a * length, part, 0, length);
        ElementwiseKernels.Copy(values, b * length, part, length, length);
        return part;
    }

    /// <summary>Labels and predictions of the rows: natural ones first, then adversarial ones.</summary>
    /// <param name="predicted">Whether the predictions are the labels too.</param>
    public static (DeviceBuffer<int> Labels, DeviceBuffer<int> Predictions) PairLabels(ObjectiveInput input, bool predicted = false)
    {
        DeviceBuffer<int> predictions = Both(input.Natural!.Logits.Predict(), input.Adversarial!.Logits.Predict());
        return (predicted ? predictions : Both(input.Labels, input.Labels), predictions);
    }

    private static DeviceBuffer<int> Both(DeviceBuffer<int> natural, DeviceBuffer<int> adversarial)
    {
        DeviceBuffer<int> both = natural.Device.Allocate<int>(natural.Length + adversarial.Length);
        ElementwiseKernels.Copy(natural, 0, both, 0, natural.Length);
        ElementwiseKernels.Copy(adversarial, 0, both, natural.Length, adversarial.Length);
        return both;
    }
}
