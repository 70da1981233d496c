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
using Ascl.Robustness.Training.Shards;

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

/// <summary>Outputs on the natural images, those where the attack began, the adversarial and the helper images, as far as a step has
/// them.</summary>
internal sealed record StepOutputs(ModelOutput? Natural, ModelOutput? Start, ModelOutput? Adversarial, ModelOutput? Helper)
{
    /// <summary>In the order in which the images pass through the network.</summary>
    public IReadOnlyList<ModelOutput?> InOrder => [Natural, Start, Adversarial, Helper];

    /// <param name="labels">Of the natural images.</param>
    /// <param name="helperLabels">Of the helper images, if there are any.</param>
    /// <param name="classMeans">Of the previous epoch, if the objective uses them.</param>
    /// <param name="project">Maps latents to the rows that are contrasted.</param>
    public ObjectiveInput Input(DeviceBuffer<int> labels, DeviceBuffer<int>? helperLabels, Tensor? classMeans,
        Func<Tensor, Tensor> project) => new(Natural, Adversarial, labels, project)
        {
            Start = Start,
            Helper = Helper is null ? null : new(Helper, helperLabels!),
            ClassMeans = classMeans,
        };
}

/// <summary>What the forward passes and the gradients of a step come to.</summary>
/// <param name="Input">Outputs of the network for the whole batch.</param>
/// <param name="Terms">Of the loss.</param>
/// <param name="Gradients">Of the loss, one for each parameter that was asked for.</param>
internal sealed record PassResult(ObjectiveInput Input, IReadOnlyList<LossTerm> Terms, Tensor[] Gradients);

/// <summary>One training step: forward passes, loss terms, gradients, update.</summary>
/// <param name="model">The classifier; it runs in inference mode if the objective trains only the layers after the latent, else in training
/// mode.</param>
/// <param name="objective">The objective to minimise.</param>
/// <param name="optimizer">Updates the weights.</param>
/// <param name="perturbation">Adversarial weight perturbation; null for none.</param>
public sealed class TrainingStep(Classifier model, IObjective objective, IOptimizer optimizer, WeightPerturbation? perturbation = null)
{
    private readonly Tensor[] targets = [.. optimizer.Targets.Select(target => target.Tensor)];

    /// <summary>Class means, to which each step adds its natural images; null for objectives without them.</summary>
    public ClassMeans? ClassMeans { get; init; }

    /// <summary>Performs the step on a whole batch.</summary>
    /// <param name="batch">Natural images.</param>
    /// <param name="adversarial">Adversarial images crafted from them; null for objectives without an attack.</param>
    /// <param name="learningRate">Learning rate of the update.</param>
    /// <param name="helperLabels">Labels of the helper images; null for objectives without them
    /// (<see cref="IObjective.HelperReach"/>).</param>
    /// <param name="start">Images where the attack began; null for objectives without a memory (<see cref="IObjective.Memory"/>).</param>
    /// <exception cref="LossNotFiniteException">A loss term is not finite; nothing was updated.</exception>
    public StepResult Run(ImageBatch batch, Tensor? adversarial, double learningRate, DeviceBuffer<int>? helperLabels = null,
        Tensor? start = null) =>
        Run((parameters, _) => model.Device.RunCaptured(new WholePass(model, objective, batch.Images.Shape, batch.Images.Data, batch.Labels,
            start?.Data, adversarial?.Data, helperLabels, ClassMeans?.Table, parameters)), learningRate);

    /// <summary>The step on a batch that is cut into shards. Collective.</summary>
    /// <exception cref="LossNotFiniteException">Nothing was updated.</exception>
    internal StepResult Run(ShardedPass pass, double learningRate) => Run(pass.Run, learningRate);

    /// <param name="pass">Takes the gradients of some parameters; tells whether BatchNorm keeps the statistics of the pass.</param>
    private StepResult Run(Func<Tensor[], bool, PassResult> pass, double learningRate)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        if (perturbation is not null)
            Perturb(perturbation, pass);
        PassResult passed = pass(targets, true);
        perturbation?.Restore();
        Dictionary<string, double> values = passed.Terms.ToDictionary(t => t.Name, t => (double)t.Value.Item);
        foreach (var (name, value) in values)
            if (!double.IsFinite(value))
                throw new LossNotFiniteException(name, value);
        optimizer.Step(passed.Gradients, learningRate);
        // Whatever way an optimiser writes, values derived from the weights are stale now.
        foreach (Tensor target in targets)
            target.Data.MarkChanged();
        ObjectiveInput input = passed.Input;
        ClassMeans?.Add(input.Natural!.Logits, input.Labels);
        return new(values, passed.Terms.Sum(t => t.Weight * values[t.Name]), Correct(input.Natural, input),
            Correct(input.Adversarial, input), Selection(input));
    }

    /// <summary>Perturbs the weights to increase the loss of this batch.</summary>
    private void Perturb(WeightPerturbation perturbation, Func<Tensor[], bool, PassResult> pass)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        perturbation.SaveStatistics();
        perturbation.Perturb(pass(perturbation.Tensors, false).Gradients);
    }

    private static int? Correct(ModelOutput? output, ObjectiveInput input) => output?.Logits.CountCorrect(input.Labels);

    private Dictionary<string, PairCounts> Selection(ObjectiveInput input)
    {
        if (input.Natural is null || input.Adversarial is null)
            return [];
        var (labels, predictions) = AsclObjective.PairLabels(input, objective is AsclObjective { PredictedLabels: true });
        IEnumerable<PairSelection> own = objective.Contrastive is { } contrastive ? [contrastive.Strategy] : [];
        return PairSelection.All.Union(own).ToDictionary(s => s.Name, s => PairCounts.Of(s, labels, predictions, model.Spec.Classes));
    }
}

/// <summary>Forward passes of a batch, terms, and the gradients of their sum with respect to some parameters.</summary>
internal sealed record WholePass(Classifier Model, IObjective Objective, Shape Shape, DeviceBuffer<float> Natural, DeviceBuffer<int> Labels,
    DeviceBuffer<float>? Start, DeviceBuffer<float>? Adversarial, DeviceBuffer<int>? HelperLabels, Tensor? ClassMeans, Tensor[] Targets)
    : ICapturable<PassResult>
{
    public PassResult Run()
    {
        ObjectiveInput input = Forward(Model, Objective, Shape, Natural, Start, Adversarial)
            .Input(Labels, HelperLabels, ClassMeans, Model.Project);
        IReadOnlyList<LossTerm> terms = LossTerms.Of(Objective, input);
        return new(input, terms, Gradient.Of(terms.Total(), Targets));
    }

    /// <summary>The network's outputs on the natural images, as far as the objective needs them, on those where the attack began and the
    /// adversarial ones, if there are any, and on helper images, if the objective has them.</summary>
    public static StepOutputs Forward(Classifier model, IObjective objective, Shape shape, DeviceBuffer<float> natural,
        DeviceBuffer<float>? start, DeviceBuffer<float>? adversarial)
    {
        ForwardMode mode = objective.Trains == TrainedLayers.Head ? ForwardMode.Inference : ForwardMode.Train;
        Tensor x = Tensor.Over(natural, shape);
        Tensor? attacked = adversarial is null ? null : Tensor.Over(adversarial, shape);
        Tensor? beyond = objective.HelperReach is { } reach && attacked is not null
            ? x.AddScaled(attacked.AddScaled(x, -1), (float)reach)
            : null;
        StepOutputs outputs = new(objective.NeedsNatural ? Output(x) : null,
            Output(start is null ? null : Tensor.Over(start, shape)), Output(attacked), Output(beyond));
        bool learnsFromNatural = outputs.Natural is not null && objective.LearnsFromNatural;
        ModelOutput?[] others = [outputs.Start, outputs.Adversarial, outputs.Helper];
        WorkCount.BackwardImages += shape[0] * ((learnsFromNatural ? 1 : 0) + others.Count(output => output is not null));
        return outputs;

        ModelOutput? Output(Tensor? images) => images is null ? null : model.Forward(images, mode);
    }
}
