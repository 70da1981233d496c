using Ascl.Autograd;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>A weighted term of a loss.</summary>
/// <param name="Name">Name in metrics; no two terms of an objective have the same.</param>
/// <param name="Weight">The loss is Σ Weight·Value.</param>
/// <param name="Value">The unweighted term, a scalar.</param>
public sealed record LossTerm(string Name, double Weight, Tensor Value);

/// <summary>Images beyond the adversarial ones, and what a naturally trained network makes of the adversarial ones.</summary>
/// <param name="Output">Outputs for x + <see cref="IObjective.HelperReach"/>·(x^a − x).</param>
/// <param name="Labels">[b]: the natural network's predictions for x^a.</param>
public sealed record ExtrapolatedRows(ModelOutput Output, DeviceBuffer<int> Labels);

/// <summary>The inputs of an objective.</summary>
/// <param name="Natural">Outputs for the natural images; null if the objective does not need them
/// (<see cref="IObjective.NeedsNatural"/>).</param>
/// <param name="Adversarial">Outputs for the adversarial images; null for objectives without an attack.</param>
/// <param name="Labels">[b].</param>
/// <param name="Project">Maps latents to the rows that are contrasted.</param>
public sealed record ObjectiveInput(ModelOutput? Natural, ModelOutput? Adversarial, DeviceBuffer<int> Labels, Func<Tensor, Tensor> Project)
{
    /// <summary>Helper images; null if the objective does not need them (<see cref="IObjective.HelperReach"/>).</summary>
    public ExtrapolatedRows? Helper { get; init; }

    /// <summary>Outputs for the images where the step of the attack began, at their remembered perturbations; null if the objective does
    /// not remember any (<see cref="IObjective.Memory"/>).</summary>
    public ModelOutput? Start { get; init; }

    /// <summary>[k, k]: for each label the mean of softmax(o/T) over its natural images in the previous epoch
    /// (<see cref="IObjective.ClassMeansTemperature"/>), which is not trained; null for uniform rows.</summary>
    public Tensor? ClassMeans { get; init; }
}

/// <summary>The layers that an objective trains.</summary>
public enum TrainedLayers
{
    /// <summary>All layers.</summary>
    All,

    /// <summary>The layers after the latent; the encoder is frozen and runs in inference mode.</summary>
    Head,
}

/// <summary>
/// A training objective: the loss terms to minimise, the loss that the attack maximises, and what both need. Implementations are immutable;
/// settings are properties with <see cref="SettingAttribute"/>.
/// </summary>
public interface IObjective : INamedSettings
{
    /// <summary>The loss that the training attack maximises; null for training without an attack.</summary>
    AttackLoss? Attack { get; }

    /// <summary>How the training attack begins and runs the network where its settings say auto.</summary>
    CraftingDefaults Crafting => CraftingDefaults.Of(Attack);

    /// <summary>Whether the forward pass includes the natural images.</summary>
    bool NeedsNatural { get; }

    /// <summary>The factor of the perturbation x^a − x in helper images, which pass through the network after the adversarial ones, with
    /// the predictions of a naturally trained network as their labels; null for training without them.</summary>
    double? HelperReach => null;

    /// <summary>How perturbations of the training images are remembered, for single steps that go on from them; null for attacks that begin
    /// anew each time.</summary>
    MemorySettings? Memory => null;

    /// <summary>T, if terms use the class means of softmax(o/T) over the natural images of the previous epoch
    /// (<see cref="ObjectiveInput.ClassMeans"/>); null if not.</summary>
    double? ClassMeansTemperature => null;

    /// <summary>Whether terms depend on the natural images; otherwise their forward pass only updates BatchNorm's running
    /// statistics.</summary>
    bool LearnsFromNatural => NeedsNatural;

    /// <summary>Which layers the optimiser updates.</summary>
    TrainedLayers Trains => TrainedLayers.All;

    /// <summary>Whether the logits are trained. Pre-training yields an encoder only, which cannot be validated or evaluated as a
    /// classifier.</summary>
    bool TrainsLogits => true;

    /// <summary>Settings of the contrastive term, also used for the projection head and selection statistics; null for objectives without
    /// one.</summary>
    ContrastiveSettings? Contrastive => null;

    /// <summary>Minimum number of augmented views of each image in a batch.</summary>
    int MinimumViews => 1;

    /// <summary>Display name.</summary>
    string Title => Name;

    /// <summary>The terms of the loss on a batch: at least one, each of one value.</summary>
    IReadOnlyList<LossTerm> Terms(ObjectiveInput input);
}
