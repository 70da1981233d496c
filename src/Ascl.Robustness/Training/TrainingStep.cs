using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>The result of a training step.</summary>
/// <param name="Terms">Unweighted value of each loss term.</param>
/// <param name="Loss">Their weighted sum.</param>
/// <param name="NaturalCorrect">Natural images classified correctly; null if they were not passed through the network.</param>
/// <param name="AdversarialCorrect">Adversarial images classified correctly; null if there are none.</param>
/// <param name="Selected">Pair counts of every strategy, whether in use or not; empty without both natural and adversarial images.</param>
public sealed record StepResult(
    IReadOnlyDictionary<string, double> Terms, double Loss, int? NaturalCorrect, int? AdversarialCorrect,
    IReadOnlyDictionary<string, PairCounts> Selected);

/// <summary>The loss is NaN or infinite.</summary>
public sealed class LossNotFiniteException(string term, double value)
    : Exception($"the term {term} of the loss is {value.ToString(CultureInfo.InvariantCulture)}")
{
    /// <summary>Name of the term that is not finite.</summary>
    public string Term { get; } = term;
}

/// <summary>One training step: forward passes, loss terms, gradients, update.</summary>
/// <param name="model">The classifier; it runs in inference mode if the objective trains only the layers after the latent, else in training
/// mode.</param>
/// <param name="perturbation">Adversarial weight perturbation; null for none.</param>
public sealed class TrainingStep(Classifier model, IObjective objective, IOptimizer optimizer, WeightPerturbation? perturbation = null)
{
    private readonly Classifier model = model;
    private readonly IObjective objective = objective;
    private readonly ForwardMode mode = objective.Trains == TrainedLayers.Head ? ForwardMode.Inference : ForwardMode.Train;
    private readonly Tensor[] targets = [.. optimizer.Targets.Select(target => target.Tensor)];

    /// <summary>Performs the step.</summary>
    /// <param name="batch">Natural images.</param>
    /// <param name="adversarial">Adversarial images crafted from them; null for objectives without an attack.</param>
    /// <param name="learningRate">Learning rate of the update.</param>
    /// <exception cref="LossNotFiniteException">A loss term is not finite; nothing was updated.</exception>
    public StepResult Run(ImageBatch batch, Tensor? adversarial, double learningRate)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        if (perturbation is not null)
            Perturb(perturbation, batch, adversarial);
        PassResult passed = model.Device.RunCaptured(new Pass(this, batch.Images.Shape, batch.Images.Data, batch.Labels, adversarial?.Data,
            targets));
        perturbation?.Restore();
        Dictionary<string, double> values = passed.Terms.ToDictionary(t => t.Name, t => (double)t.Value.Item);
        foreach (var (name, value) in values)
            if (!double.IsFinite(value))
                throw new LossNotFiniteException(name, value);
        optimizer.Step(passed.Gradients, learningRate);
        ObjectiveInput input = passed.Input;
        return new(values, passed.Terms.Sum(t => t.Weight * values[t.Name]), Correct(input.Natural, batch),
            Correct(input.Adversarial, batch), Selection(input));
    }

    /// <summary>Perturbs the weights to increase the loss of this batch.</summary>
    private void Perturb(WeightPerturbation perturbation, ImageBatch batch, Tensor? adversarial)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        perturbation.SaveStatistics();
        perturbation.Perturb(model.Device.RunCaptured(new Pass(this, batch.Images.Shape, batch.Images.Data, batch.Labels, adversarial?.Data,
            perturbation.Tensors)).Gradients);
    }

    private sealed record PassResult(ObjectiveInput Input, IReadOnlyList<LossTerm> Terms, Tensor[] Gradients);

    /// <summary>Forward passes, loss terms, and the gradients of the loss with respect to <paramref name="Targets"/>.</summary>
    private sealed record Pass(TrainingStep Step, Shape Shape, DeviceBuffer<float> Natural, DeviceBuffer<int> Labels,
        DeviceBuffer<float>? Adversarial, Tensor[] Targets)
        : ICapturable<PassResult>
    {
        public PassResult Run()
        {
            ModelOutput? natural = Step.objective.NeedsNatural ? Forward(Natural) : null;
            ModelOutput? adversarial = Adversarial is null ? null : Forward(Adversarial);
            ObjectiveInput input = new(natural, adversarial, Labels, Step.model.Project);
            IReadOnlyList<LossTerm> terms = Step.objective.Terms(input);
            WorkCount.BackwardImages += (natural is null || !Step.objective.LearnsFromNatural ? 0 : Labels.Length)
                + (adversarial is null ? 0 : Labels.Length);
            return new(input, terms, Gradient.Of(terms.Total(), Targets));
        }

        private ModelOutput Forward(DeviceBuffer<float> images) => Step.model.Forward(Tensor.Over(images, Shape), Step.mode);
    }

    private static int? Correct(ModelOutput? output, ImageBatch batch) => output?.Logits.CountCorrect(batch.Labels);

    private Dictionary<string, PairCounts> Selection(ObjectiveInput input)
    {
        if (input.Natural is null || input.Adversarial is null)
            return [];
        var (labels, predictions) = AsclObjective.PairLabels(input);
        IEnumerable<PairSelection> own = objective.Contrastive is { } contrastive ? [contrastive.Strategy] : [];
        return PairSelection.All.Union(own).ToDictionary(s => s.Name, s => PairCounts.Of(s, labels, predictions, model.Spec.Classes));
    }
}
