using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>The training of a run: the trainer that its configuration describes, kept in its folder.</summary>
public sealed class RunTraining
{
    private readonly RunFolder folder;
    private readonly TrainingData trainingData;

    /// <param name="device">Where to train.</param>
    /// <param name="folder">A new run's, or an earlier one's to go on with.</param>
    /// <param name="data">What the run's configuration names.</param>
    /// <param name="start">What a new run starts from, where it is made already; null to make it.</param>
    /// <param name="communicator">The processes that train together, each with the same folder; null for one.</param>
    /// <param name="callbacks">Called after the run's own.</param>
    /// <exception cref="UserErrorException">Data and model do not fit, or the saved state is damaged.</exception>
    public RunTraining(Device device, RunFolder folder, DataSet data, Classifier? start = null, Communicator? communicator = null,
        params IReadOnlyList<TrainingCallback> callbacks)
    {
        this.folder = folder;
        RunConfig config = folder.Config.Checked("configuration");
        Check(config, data);
        folder.Checkpoints.CheckState();
        trainingData = TrainingData.Of(data, config.Training, config.Data.Validation, config.Data.LimitTrain);
        bool isBegun = File.Exists(folder.Checkpoints.StateFile);
        // What a run went out from is in its state already; that file need not exist any more.
        Classifier model = isBegun && RunState.Spec(folder.Checkpoints.StateFile) is { } spec
            ? new Classifier(device, spec, seed: null)
            : start ?? StartingModel.Of(config, data, device);
        Provenance? before = isBegun ? Provenance.Read(folder.Checkpoints.StateFile) : model.Provenance;
        Notes = LearnedImages.Notes(trainingData, data, config.Data.LimitTest, before, config.Model.From);
        Checkpoints checkpoints = new(folder.Checkpoints, config.Run.SaveEvery) { Config = config.ToJson() };
        Trainer = new Trainer(model, config.Method, config.Training)
        {
            Attack = config.Method.Attack is { } loss
                ? config.Attack.Training(loss, config.Method.Trains == Objectives.TrainedLayers.Head)
                : null,
            AttackPrecision = config.Attack.AttackPrecision,
            ThreatModel = config.Attack.Threat,
            Optimizer = new SgdOptimizer(Optimizers.Targets(model, config.Method.Trains), config.Optimizer),
            Schedule = config.Schedule,
            Communicator = communicator ?? Communicator.Single,
            Description = config.Description(),
            Callbacks = [checkpoints, new Keeper(folder, checkpoints, isBegun), new Validation(config.Attack.Validation), new Monitoring(),
                .. callbacks],
        };
    }

    /// <summary>What trains.</summary>
    public Trainer Trainer { get; }

    /// <summary>What a user should know of the images beside what the data say themselves, a line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <exception cref="UserErrorException">The configuration does not fit the data.</exception>
    public static void Check(RunConfig config, DataSet data)
    {
        if (!data.HasTrainPart)
            throw new UserErrorException($"{data.Name}: has no training images, only a test part");
        if (data.ClassNames.Count < 2)
            throw new UserErrorException($"{data.Name}: has one class, {data.ClassNames[0]}; a classifier needs at least two");
        StartingModel.CheckImages(config.Model.Network, data.Train);
        InputNormalization.Of(config.Model.Normalize, data);
        config.Attack.Threat.CheckFits(data.Train);
        TrainingData.Of(data, config.Training, config.Data.Validation, config.Data.LimitTrain);
    }

    /// <summary>Trains until the last epoch is done.</summary>
    /// <param name="stop">Ends training after the current step, with its state saved.</param>
    /// <exception cref="UserErrorException">The loss is no longer finite, or a file cannot be written.</exception>
    public void Fit(CancellationToken stop) => Trainer.Fit(trainingData, stop);

    /// <summary>Keeps what a run's folder has beyond checkpoints: its configuration and its summary.</summary>
    private sealed class Keeper(RunFolder folder, Checkpoints checkpoints, bool isBegun) : TrainingCallback
    {
        public override bool RunsOnEveryRank => true;

        public override void Begin(Trainer trainer)
        {
            RunConfig config = folder.Config;
            RunProgress progress = trainer.Progress;
            if (!isBegun && config.Model.From is { } from)
                progress.FromSha256 = WeightPath.Sha256(RunFolder.Weights(from));
            // Learning rates of the epochs done were those of another number of epochs: first the state says so, then the configuration.
            int earlier = folder.EpochsOnFile;
            if (earlier != config.Training.Epochs && config.Schedule.DependsOnEpochs && progress.Epoch > 0)
            {
                progress.EarlierEpochs = [.. progress.EarlierEpochs.Append(earlier).Distinct()];
                if (trainer.Communicator.IsMain)
                    checkpoints.SaveState(trainer);
            }
            if (trainer.Communicator.IsMain)
                folder.KeepConfig();
        }

        public override void End(Trainer trainer)
        {
            if (trainer.Communicator.IsMain)
                folder.WriteSummary(RunSummary.Of(folder.Config, trainer));
        }
    }
}
