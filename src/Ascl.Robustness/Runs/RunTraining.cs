using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>Trains a run: builds the trainer from the run's configuration, with checkpoints in its folder.</summary>
public sealed class RunTraining
{
    private readonly RunFolder folder;
    private readonly TrainingData trainingData;

    /// <summary>Prepares the training of a new run, or of one to resume.</summary>
    /// <param name="device">The device to train on.</param>
    /// <param name="folder">The folder of a new run, or of one to resume.</param>
    /// <param name="data">The data set that the configuration names, with its extra images (<see cref="ExtraData.AddTo"/>).</param>
    /// <param name="start">The initial model of a new run; null to create it.</param>
    /// <param name="communicator">The processes that train together, each with the same folder; null for one.</param>
    /// <param name="callbacks">Additional callbacks, called after the run's own.</param>
    /// <exception cref="UserErrorException">Data and model do not match, or the saved state is damaged.</exception>
    public RunTraining(Device device, RunFolder folder, DataSet data, Classifier? start = null, Communicator? communicator = null,
        params IReadOnlyList<TrainingCallback> callbacks)
    {
        this.folder = folder;
        RunConfig config = folder.Config.Checked("configuration");
        Check(config, data);
        folder.Checkpoints.CheckState();
        trainingData = TrainingData.Of(data, config.Training, config.Data.Validation, config.Data.LimitTrain) with
        {
            LearnedByLabels = config.Data is { Extra: not null, ExtraLabels: { } labels }
                ? ClassifierFile.Load(device, RunFolder.WeightsFile(labels)).Provenance?.Images
                : null,
        };
        bool isBegun = File.Exists(folder.Checkpoints.StateFile);
        // The state of a resumed run contains its weights; the file of its initial weights may no longer exist.
        Classifier model = isBegun && RunState.Spec(folder.Checkpoints.StateFile) is { } spec
            ? new Classifier(device, spec, seed: null)
            : start ?? StartingModel.Of(config, data, device);
        Provenance? before = isBegun ? Provenance.Read(folder.Checkpoints.StateFile) : model.Provenance;
        Classifier? natural = NaturalNetwork.Of(config, data, device);
        Notes =
        [
            .. config.Method.Memory is null ? [] : new[] { $"{config.Method.Name} {PerturbationMemory.Note(trainingData.Train)}" },
            .. TrainedImages.Notes(trainingData, data, config.Data.LimitTest, before, config.Model.From),
            .. TrainedImages.NotesOnNatural(trainingData, data, natural?.Provenance, config.Model.Natural),
        ];
        Checkpoints checkpoints = new(folder.Checkpoints, config.Run.SaveEvery) { Config = config.ToJson() };
        Trainer = NewTrainer(config, model, natural, communicator,
        [
            checkpoints, new RunFilesCallback(folder, checkpoints, isBegun), new Validation(config.Attack.Validation), new Monitoring(),
            .. callbacks,
        ]);
    }

    /// <summary>The trainer.</summary>
    public Trainer Trainer { get; }

    /// <summary>Notes for the user about the images, beyond those of the data set, one line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The trainer of a configuration.</summary>
    /// <param name="natural">The naturally trained network; null for methods without one.</param>
    internal static Trainer NewTrainer(RunConfig config, Classifier model, Classifier? natural, Communicator? communicator = null,
        params IList<TrainingCallback> callbacks) => new(model, config.Method, config.Training)
        {
            Attack = config.Method.AttackOf(config.Attack),
            Fallback = config.Method.AttackOf(config.Attack.Fallback),
            Natural = natural,
            AttackPrecision = config.Attack.AttackPrecision,
            ThreatModel = config.Attack.Threat,
            Optimizer = new SgdOptimizer(Optimizers.Targets(model, config.Method.Trains), config.Optimizer),
            Schedule = config.Schedule,
            Communicator = communicator ?? Communicator.Single,
            Description = config.Description(),
            Callbacks = callbacks,
        };

    /// <summary>Checks that a configuration matches the data.</summary>
    /// <exception cref="UserErrorException">It does not.</exception>
    public static void Check(RunConfig config, DataSet data)
    {
        if (!data.HasTrainPart)
            throw new UserErrorException($"{data.Name}: has no training images, only a test part");
        if (data.ClassNames.Count < 2)
            throw new UserErrorException($"{data.Name}: has one class, {data.ClassNames[0]}; a classifier needs at least two");
        StartingModel.CheckImages(config.Model.Network, data.Train);
        InputNormalization.Of(config.Model.Normalize, data);
        if (config.Data.Extra is not null != data.Extra is not null)
            throw new UserErrorException($"{data.Name}: {(data.Extra is null ? "lacks" : "has")} the extra images of "
                + $"{config.Data.Extra ?? "another configuration"} ({nameof(ExtraData)}.{nameof(ExtraData.AddTo)})");
        config.Attack.Threat.CheckFits(data.Train);
        TrainingData training = TrainingData.Of(data, config.Training, config.Data.Validation, config.Data.LimitTrain);
        if (config.Method.Memory is not null)
            PerturbationMemory.CheckFits(training.Train);
    }

    /// <summary>Trains until the last epoch is done.</summary>
    /// <param name="stop">Stops training after the current step and saves its state.</param>
    /// <exception cref="UserErrorException">The loss is no longer finite, or a file cannot be written.</exception>
    public void Fit(CancellationToken stop) => Trainer.Fit(trainingData, stop);

    /// <summary>Writes the files of a run other than its checkpoints: configuration and summary.</summary>
    private sealed class RunFilesCallback(RunFolder folder, Checkpoints checkpoints, bool isBegun) : TrainingCallback
    {
        public override bool RunsOnEveryRank => true;

        public override void Begin(Trainer trainer)
        {
            RunConfig config = folder.Config;
            RunProgress progress = trainer.Progress;
            if (!isBegun && config.Model.From is { } from)
                progress.FromSha256 = WeightPath.Sha256(RunFolder.WeightsFile(from));
            // The completed epochs had the learning rates of another total; recorded in the state before the configuration changes.
            int earlier = folder.SavedEpochs;
            if (earlier != config.Training.Epochs && config.Schedule.DependsOnEpochs && progress.Epoch > 0)
            {
                progress.EarlierEpochs = [.. progress.EarlierEpochs.Append(earlier).Distinct()];
                if (trainer.Communicator.IsMain)
                    checkpoints.SaveState(trainer);
            }
            if (trainer.Communicator.IsMain)
                folder.SaveConfig();
        }

        public override void End(Trainer trainer)
        {
            if (trainer.Communicator.IsMain)
                folder.WriteSummary(RunSummary.Of(folder.Config, trainer));
        }
    }
}
