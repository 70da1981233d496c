using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Runs;

namespace Ascl.Robustness.LatentStudy;

/// <summary>The study of one run: the representations of its best checkpoint, for its own test images and their PGD images.</summary>
public sealed class RunStudy
{
    private const int Batch = 128;
    private readonly StudySettings settings;

    /// <param name="run">The run; its classifier must have been trained.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="UserErrorException">The run has no classifier or no best checkpoint, or a setting is out of range.</exception>
    public RunStudy(RunFolder run, StudySettings? settings = null)
    {
        RunFolder.WeightsFile(run.RequireClassifier().Path);
        (Run, this.settings) = (run, (settings ?? new()).Checked());
        Threat = ThreatModel.Of(this.settings.Norm, this.settings.Epsilon, run.Config.Attack.Threat);
    }

    /// <summary>The run that is studied.</summary>
    public RunFolder Run { get; }

    /// <summary>Name of the run: that of its folder.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Run.Path)));

    /// <summary>The ball that PGD stays in.</summary>
    public ThreatModel Threat { get; }

    /// <summary>Attacks the test images, and measures the representations of both at every stage.</summary>
    /// <param name="device">Device to compute on.</param>
    /// <param name="data">The run's data set.</param>
    /// <param name="threads">Threads of the nearest-neighbour search; null: one per core.</param>
    /// <param name="progress">Called with the number of batches done and of all batches; null for nobody.</param>
    /// <param name="stop">Cancels the study.</param>
    /// <exception cref="UserErrorException">The images do not fit the ball or the network.</exception>
    public StudyResult Measure(Device device, DataSet data, int? threads = null, Action<int, int>? progress = null,
        CancellationToken stop = default)
    {
        Classifier model = ClassifierFile.Load(device, Run.Checkpoints.BestFile);
        ImageSet test = data.Test.Take(settings.Limit);
        Threat.CheckFits(test);
        PgdAttack attack = PgdAttack.Standard(Threat, settings.Steps);
        LatentRows rows = LatentRows.Of(model, test, attack, Batch, settings.Seed, stop, progress);
        var (natural, adversarial) = LatentStudies.NearestLabels(rows.Latent, rows.Labels, threads ?? Environment.ProcessorCount);
        StudyReport report = new(Name, Run.Checkpoints.BestFile, model.Spec.Network, data.Name, test.Count, attack.Name,
            Threat.Epsilon, rows.CleanAccuracy, rows.RobustAccuracy, LatentStudies.Stages(device, rows), natural, adversarial,
            NameText.Of(Threat.Norm), data.HasTestPart ? "test" : "train", Evaluator.TrainedOn(model, test));
        return new(report, rows, data.ClassNames);
    }
}
