using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.LatentStudy;

/// <summary>The study of a classifier: its representations of test images and of their PGD images, at every stage of the network.</summary>
public sealed class ClassifierStudy
{
    private const int Batch = 128;
    private readonly Classifier model;
    private readonly DataSet data;
    private readonly StudySettings settings;
    private readonly ImageSet images;

    /// <param name="model">The classifier: of a run, from a file, or of one's own.</param>
    /// <param name="data">A data set of its classes; its test images are studied.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <param name="trained">The threat model of training; null: as recorded in the weights' provenance.</param>
    /// <exception cref="UserErrorException">A setting is out of range, or the images do not fit the ball or the network.</exception>
    public ClassifierStudy(Classifier model, DataSet data, StudySettings? settings = null, ThreatModel? trained = null)
    {
        (this.model, this.data, this.settings) = (model, data, (settings ?? new()).Checked());
        (Name, Weights) = (model.Spec.Network, model.Spec.Network);
        images = data.Test.Take(this.settings.Limit);
        RobustnessEvaluation.CheckFit(model, images, model.Spec.Network, mayHaveMoreClasses: true);
        Threat = ThreatModel.Of(this.settings.Norm, this.settings.Epsilon, trained ?? ThreatModel.Of(model.Provenance));
        Threat.CheckFits(images);
    }

    /// <summary>Short name in tables and charts; by default the network's.</summary>
    public string Name { get; init; }

    /// <summary>The weight file; by default the network's name.</summary>
    public string Weights { get; init; }

    /// <summary>The ball that PGD stays in.</summary>
    public ThreatModel Threat { get; }

    /// <summary>Attacks the test images, and measures the representations of both at every stage.</summary>
    /// <param name="threads">Threads of the nearest-neighbour search; null: one per core.</param>
    /// <param name="progress">Called with the number of batches done and of all batches; null for nobody.</param>
    /// <param name="stop">Cancels the study.</param>
    public StudyResult Measure(int? threads = null, Action<int, int>? progress = null, CancellationToken stop = default)
    {
        PgdAttack attack = PgdAttack.Standard(Threat, settings.Steps);
        LatentRows rows = LatentRows.Of(model, images, attack, Batch, settings.Seed, stop, progress);
        var (natural, adversarial) = LatentStudies.NearestLabels(rows.Latent, rows.Labels, threads ?? Environment.ProcessorCount);
        StudyReport report = new(Name, Weights, model.Spec.Network, data.Name, images.Count, attack.Name, Threat.Epsilon,
            rows.CleanAccuracy, rows.RobustAccuracy, LatentStudies.Stages(model.Device, rows), natural, adversarial,
            NameText.Of(Threat.Norm), data.HasTestPart ? "test" : "train", Evaluator.TrainedOn(model, images));
        return new(report, rows, data.ClassNames);
    }
}
