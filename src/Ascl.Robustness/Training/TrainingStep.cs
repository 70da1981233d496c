using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>What one step measured.</summary>
/// <param name="Terms">Value of each loss term, unweighted.</param>
/// <param name="Loss">Their weighted sum.</param>
/// <param name="NaturalCorrect">Natural images predicted right; null where they were not passed through.</param>
/// <param name="AdversarialCorrect">Adversarial images predicted right; null where there are none.</param>
/// <param name="Selected">Of every strategy, whether it is the one in use or not; empty without both kinds of images.</param>
public sealed record StepResult(
    IReadOnlyDictionary<string, double> Terms, double Loss, int? NaturalCorrect, int? AdversarialCorrect, IReadOnlyDictionary<SelectionStrategy, PairCounts> Selected);

/// <summary>A loss that is not a number, or infinite.</summary>
public sealed class LossNotFiniteException(string term, double value)
    : Exception($"the term {term} of the loss is {value.ToString(CultureInfo.InvariantCulture)}")
{
    public string Term { get; } = term;
}

/// <summary>One step of training as the paper has it: two forward passes, the terms, the gradients, the update.</summary>
/// <param name="perturbation">Moves the weights while the gradient is taken; null for none.</param>
/// <param name="mode">How the network is run: <see cref="ForwardMode.Train"/>, or <see cref="ForwardMode.Frozen"/> where only the layers after the latent are
/// trained.</param>
public sealed class TrainingStep(Classifier model, IObjective objective, SgdOptimizer optimizer, WeightPerturbation? perturbation = null, ForwardMode mode = ForwardMode.Train)
{
    /// <param name="batch">Natural images.</param>
    /// <param name="adversarial">Crafted from them; null for an objective without attack.</param>
    /// <param name="learningRate">Of the update.</param>
    /// <exception cref="LossNotFiniteException">Nothing was updated.</exception>
    public StepResult Run(ImageBatch batch, Tensor? adversarial, double learningRate)
    {
        if (perturbation is not null)
            Perturb(perturbation, batch, adversarial);
        using IDisposable scope = model.Device.Pool.BeginScope();
        ObjectiveInput input = Forward(batch, adversarial);
        IReadOnlyList<LossTerm> terms = objective.Terms(input);
        Dictionary<string, double> values = terms.ToDictionary(t => t.Name, t => (double)t.Value.Item);
        foreach (var (name, value) in values)
            if (!double.IsFinite(value))
            {
                perturbation?.Restore();
                throw new LossNotFiniteException(name, value);
            }
        Tensor[] gradients = Backward(input, terms, optimizer.Tensors);
        perturbation?.Restore();
        optimizer.Step(gradients, learningRate);
        return new(values, terms.Sum(t => t.Weight * values[t.Name]), Correct(input.Natural, batch), Correct(input.Adversarial, batch), Selection(input));
    }

    private ObjectiveInput Forward(ImageBatch batch, Tensor? adversarial)
    {
        ModelOutput? natural = objective.NeedsNatural ? model.Forward(batch.Images, mode) : null;
        ModelOutput? attacked = adversarial is null ? null : model.Forward(adversarial, mode);
        return new(natural, attacked, batch.Labels, model.Project);
    }

    /// <summary>Moves the weights to where this batch's loss is larger.</summary>
    private void Perturb(WeightPerturbation perturbation, ImageBatch batch, Tensor? adversarial)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        perturbation.Begin();
        ObjectiveInput input = Forward(batch, adversarial);
        perturbation.Move(Backward(input, objective.Terms(input), perturbation.Tensors));
    }

    private static Tensor[] Backward(ObjectiveInput input, IReadOnlyList<LossTerm> terms, ReadOnlySpan<Tensor> targets)
    {
        WorkCount.BackwardImages += (input.Natural is null ? 0 : input.Labels.Length) + (input.Adversarial is null ? 0 : input.Labels.Length);
        return Gradient.Of(terms.Total(), targets);
    }

    private static int? Correct(ModelOutput? output, ImageBatch batch) => output?.Logits.CountCorrect(batch.Labels);

    private Dictionary<SelectionStrategy, PairCounts> Selection(ObjectiveInput input)
    {
        if (input.Natural is null || input.Adversarial is null)
            return [];
        var (labels, predictions) = AsclObjective.PairLabels(input);
        return Enum.GetValues<SelectionStrategy>().ToDictionary(s => s, s => PairCounts.Of(s, labels, predictions, model.Spec.Classes));
    }
}
