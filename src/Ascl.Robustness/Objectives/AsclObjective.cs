using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>How rows are contrasted. Cosine is the dot product of normalised rows.</summary>
public sealed record ContrastiveSettings(SelectionStrategy Strategy, RowDistance Distance, double Temperature, bool Normalize)
{
    /// <param name="strategy">global, hard, soft, leaked or merge.</param>
    /// <param name="distance">cosine, dot, l1, l2 or linf.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="normalize">Divide each row by its L2 norm; cosine always does.</param>
    public static ContrastiveSettings Of(string strategy, string distance, double temperature, bool normalize) => new(
        Enum.Parse<SelectionStrategy>(strategy, ignoreCase: true),
        distance == "cosine" ? RowDistance.Dot : Enum.Parse<RowDistance>(distance, ignoreCase: true),
        temperature,
        normalize || distance == "cosine");

    public Tensor Loss(Tensor rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions) =>
        (Normalize ? rows.NormalizeRows() : rows).ContrastiveLoss(labels, predictions, Strategy, Distance, (float)Temperature);
}

/// <summary>Which rows are contrasted with each other where a batch holds two views of each image: all first views, then all second ones.</summary>
public enum ViewPairing
{
    /// <summary>All rows together; also what a batch of single views has.</summary>
    Jointly,

    /// <summary>½ ASCL(z₁, z₂) + ½ ASCL(z₁^a, z₂^a): natural ones, and adversarial ones.</summary>
    SameKind,

    /// <summary>½ ASCL(z₁, z₁^a) + ½ ASCL(z₂, z₂^a): first views, and second views.</summary>
    SameView,
}

/// <summary>
/// Adversarial supervised contrastive learning (Bui et al. 2021): the terms of <paramref name="foundation"/> (PGD-AT or TRADES) +
/// contrastiveWeight·L_SCL over the natural and adversarial rows + vatWeight·mean KL(softmax o ‖ softmax o^a).
/// </summary>
public sealed class AsclObjective(
    IObjective foundation, ContrastiveSettings contrastive, double contrastiveWeight = 1, double vatWeight = 0, ViewPairing pairing = ViewPairing.Jointly) : IObjective
{
    public AttackLoss? Attack => foundation.Attack;
    public bool NeedsNatural => true;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        List<LossTerm> terms = [.. foundation.Terms(input), new("contrastive", contrastiveWeight, Contrastive(input))];
        if (vatWeight > 0)
            terms.Add(new("vat_kl", vatWeight, input.Natural!.Logits.KullbackLeibler(input.Adversarial!.Logits).Mean()));
        return terms;
    }

    private Tensor Contrastive(ObjectiveInput input)
    {
        Tensor natural = input.Project(input.Natural!.Latent), adversarial = input.Project(input.Adversarial!.Latent);
        var (labels, predictions) = PairLabels(input);
        Tensor rows = natural.Concatenate(adversarial);
        if (pairing == ViewPairing.Jointly)
            return contrastive.Loss(rows, labels, predictions);
        // Quarters of the rows: z₁, z₂, z₁^a, z₂^a.
        int quarter = rows.Shape[0] / 4;
        return pairing == ViewPairing.SameKind ? Quarters(0, 1).Scale(0.5f).AddScaled(Quarters(2, 3), 0.5f) : Quarters(0, 2).Scale(0.5f).AddScaled(Quarters(1, 3), 0.5f);

        Tensor Quarters(int a, int b) => contrastive.Loss(
            rows.Rows(a * quarter, quarter).Concatenate(rows.Rows(b * quarter, quarter)), Part(labels, a, b, quarter), Part(predictions, a, b, quarter));
    }

    private static DeviceBuffer<int> Part(DeviceBuffer<int> values, int a, int b, int length)
    {
        DeviceBuffer<int> part = values.Device.Allocate<int>(2 * length);
        ElementwiseKernels.Copy(values, a * length, part, 0, length);
        ElementwiseKernels.Copy(values, b * length, part, length, length);
        return part;
    }

    /// <summary>Labels and predictions of the rows: natural ones first, then adversarial ones.</summary>
    public static (DeviceBuffer<int> Labels, DeviceBuffer<int> Predictions) PairLabels(ObjectiveInput input) =>
        (Both(input.Labels, input.Labels), Both(input.Natural!.Logits.Predict(), input.Adversarial!.Logits.Predict()));

    private static DeviceBuffer<int> Both(DeviceBuffer<int> natural, DeviceBuffer<int> adversarial)
    {
        DeviceBuffer<int> both = natural.Device.Allocate<int>(natural.Length + adversarial.Length);
        ElementwiseKernels.Copy(natural, 0, both, 0, natural.Length);
        ElementwiseKernels.Copy(adversarial, 0, both, natural.Length, adversarial.Length);
        return both;
    }
}
