using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Reduce;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Reporting.TensorBoard;

namespace Ascl.Robustness.Training;

/// <summary>What a trainer tells while it works. Epochs and steps count from 0.</summary>
public interface ITrainingObserver
{
    void Began(int epochs, int stepsPerEpoch, long stepsBefore);
    void Step(int epoch, int step, int images, StepResult result);
    void Epoch(EpochMetrics metrics);
}

/// <summary>
/// Trains the classifier of a run and keeps its folder: the state every <see cref="RunConfig.SaveEvery"/> steps and after each epoch, the last
/// weights, and the best ones by accuracy on the validation images (robust accuracy; natural for natural training), never the test images.
/// Stopped at any moment, it goes on from the last saved state to the same bits.
/// </summary>
public sealed class Trainer
{
    private readonly RunFolder folder;
    private readonly RunConfig config;
    private readonly ImageSet train;
    private readonly ImageSet? validation;
    private readonly Augmentation augmentation;
    private readonly IObjective objective;
    private readonly PgdAttack? attack;
    private readonly SgdOptimizer optimizer;
    private readonly WeightAverage? average;
    private readonly FailureWatch watch;
    private readonly RunProgress progress;
    private readonly ResidentBatches batches;

    /// <param name="device">Where to train.</param>
    /// <param name="folder">A new run's, or an earlier one's to go on with.</param>
    /// <param name="data">What the run's configuration names.</param>
    /// <param name="start">What a new run starts from, where it is made already; null to make it.</param>
    /// <exception cref="UserErrorException">Data and model do not fit, or the saved state is damaged.</exception>
    public Trainer(Device device, RunFolder folder, DataSet data, Classifier? start = null)
    {
        (this.folder, config) = (folder, folder.Config.Checked());
        Check(config, data);
        folder.CheckState();
        (train, validation) = Split(config, data);
        augmentation = RunParts.Augmentation(config, data);
        objective = RunParts.Objective(config);
        attack = RunParts.Attack(config, objective);
        bool isBegun = File.Exists(folder.StateFile);
        // What a run went out from is in its state already; that file need not exist any more.
        Model = isBegun && RunState.Spec(folder.StateFile) is { } spec ? new Classifier(device, spec, seed: null) : start ?? RunParts.Classifier(config, data, device);
        optimizer = new SgdOptimizer(Model.Parameters, config.Momentum, config.WeightDecay, config.ClipNorm, FreezesEncoder ? Model.HeadPrefix : "");
        batches = new ResidentBatches(device);
        average = config.EmaDecay > 0 ? new WeightAverage(Model, config.EmaDecay) : null;
        watch = new(config, validation?.Count ?? 0);
        progress = isBegun ? RunState.Load(folder.StateFile, Model, optimizer, average) : new RunProgress();
        folder.ReadMetrics(progress.Epoch);
        // Told now, not after the epochs that are left.
        if (progress.Best.Epoch > 0)
            ClassifierFile.Load(device, folder.BestFile);
        progress.DataHash ??= data.ContentHash;
        if (progress.DataHash != data.ContentHash)
            throw new UserErrorException($"{folder.Path}: the images of {config.Data} are not those that the run began with: it cannot go on with others; begin a new run, from its weights if you like (from {folder.Path})");
        if (!isBegun && config.From is { } from)
            progress.FromSha256 = WeightPath.Sha256(RunFolder.Weights(from));
        progress.Id ??= RunId(config, progress.DataHash, progress.FromSha256);
        Provenance? before = isBegun ? Provenance.Read(folder.StateFile) : Model.Provenance;
        LearnedImages learned = new(config, data, train, validation, before);
        Notes = learned.Notes;
        Model.Provenance = learned.Provenance(progress.Id);
        if (average is not null)
            average.Model.Provenance = Model.Provenance;
    }

    public Classifier Model { get; }

    /// <summary>What a user should know of the images beside what the data say themselves, a line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    private bool FreezesEncoder => config.Method == "linear";

    /// <exception cref="UserErrorException">The configuration does not fit the data.</exception>
    public static void Check(RunConfig config, DataSet data)
    {
        if (!data.HasTrainPart)
            throw new UserErrorException($"{data.Name}: has no training images, only a test part");
        if (data.ClassNames.Count < 2)
            throw new UserErrorException($"{data.Name}: has one class, {data.ClassNames[0]}; a classifier needs at least two");
        RunParts.CheckImages(config.Model, data.Train);
        InputNormalization.Of(config.Normalize, data);
        config.Threat.CheckFits(data.Train);
        Split(config, data);
    }

    /// <summary>The same for the same configuration and images, and another for others. It is kept, not computed again: later builds have other settings.</summary>
    private static string RunId(RunConfig config, string dataHash, string? from)
    {
        JsonObject settings = config.ToJson();
        foreach (Setting setting in RunConfig.Settings.Where(setting => setting.Incidental || setting.Name == "epochs"))
            settings.Remove(setting.Name);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{settings.ToJsonString()} {dataHash} {from}"))[..16]);
    }

    private static (ImageSet Train, ImageSet? Validation) Split(RunConfig config, DataSet data)
    {
        ImageSet all = config.LimitTrain is { } limit ? data.Train.Take(limit) : data.Train;
        int held = config.ValidationOf(all.Count);
        return held > 0 ? ValidationSplit.Of(all, held, config.Seed) : (all, null);
    }

    /// <summary>Trains until the last epoch is done.</summary>
    /// <param name="observer">Told of every step and epoch.</param>
    /// <param name="stop">Ends training after the current step, with its state saved.</param>
    /// <exception cref="UserErrorException">The loss is no longer finite, or a file cannot be written.</exception>
    public void Run(ITrainingObserver observer, CancellationToken stop)
    {
        KeepConfig();
        folder.KeepMetrics(progress.Epoch);
        int stepsPerEpoch = BatchPlan.Training(train, config.Batch, augmentation, config.Seed, 0).Count;
        observer.Began(config.Epochs, stepsPerEpoch, (long)progress.Epoch * stepsPerEpoch + progress.Step);
        LearningRateSchedule schedule = new(config, stepsPerEpoch);
        WeightPerturbation? perturbation = config.AwpGamma > 0 ? new(Model.Parameters, config.AwpGamma) : null;
        TrainingStep step = new(Model, objective, optimizer, perturbation, FreezesEncoder ? ForwardMode.Inference : ForwardMode.Train);
        while (progress.Epoch < config.Epochs)
        {
            RunEpoch(step, schedule, observer, stop);
            EndEpoch(schedule.At(progress.Epoch, 0), observer);
        }
        folder.WriteSummary(Summary());
    }

    /// <summary>Writes down a new number of epochs; first in the state that there was another.</summary>
    private void KeepConfig()
    {
        if (folder.EpochsOnFile is var earlier && earlier != config.Epochs && config.Schedule == "cosine" && progress.Epoch > 0)
        {
            progress.EarlierEpochs = [.. progress.EarlierEpochs.Append(earlier).Distinct()];
            SaveState();
        }
        folder.KeepConfig();
    }

    private void RunEpoch(TrainingStep step, LearningRateSchedule schedule, ITrainingObserver observer, CancellationToken stop)
    {
        int epoch = progress.Epoch;
        BatchPlan plan = BatchPlan.Training(train, config.Batch, augmentation, config.Seed, epoch, config.Views);
        Batch host = plan.NewBatch();
        while (progress.Step < plan.Count)
        {
            if (stop.IsCancellationRequested)
            {
                SaveState();
                stop.ThrowIfCancellationRequested();
            }
            long began = Stopwatch.GetTimestamp();
            StepResult result = progress.Cost.Measure(() =>
            {
                plan.Fill(progress.Step, host);
                StepResult done = RunStep(step, schedule.At(epoch, progress.Step), host);
                average?.Update((long)epoch * plan.Count + progress.Step);
                return done;
            });
            progress.Totals.Add(result, host.Count, Stopwatch.GetElapsedTime(began).TotalSeconds);
            observer.Step(epoch, progress.Step++, host.Count, result);
            if (config.SaveEvery > 0 && progress.Step % config.SaveEvery == 0 && progress.Step < plan.Count)
                SaveState();
        }
    }

    private StepResult RunStep(TrainingStep step, double learningRate, Batch host)
    {
        using IDisposable scope = Model.Device.Pool.BeginScope();
        ImageBatch batch = batches.Of(train, host);
        Tensor? adversarial;
        using (Model.Device.WithPrecision(RunParts.Precision(config.AttackPrecision ?? config.Precision)))
            adversarial = attack?.Perturb(Model, batch, new RandomKey(config.Seed, RandomPurpose.AttackStart, (uint)progress.Epoch));
        using IDisposable precision = Model.Device.WithPrecision(RunParts.Precision(config.Precision));
        try
        {
            return step.Run(batch, adversarial, learningRate);
        }
        catch (LossNotFiniteException e)
        {
            throw Stopped($"in epoch {progress.Epoch + 1}, step {progress.Step + 1}: {e.Message}", e);
        }
    }

    private UserErrorException Stopped(string problem, Exception? cause = null)
    {
        string good = File.Exists(folder.BestFile) ? folder.BestFile : File.Exists(folder.StateFile) ? folder.StateFile : "none yet";
        return new($"training stopped {problem}; last good checkpoint: {good} (a lower --lr may help)", cause);
    }

    private void EndEpoch(double learningRate, ITrainingObserver observer)
    {
        var (metrics, look) = progress.Cost.Measure(() => Judge(learningRate));
        folder.AddMetrics(metrics);
        if (config.Tensorboard)
            EpochEvents.Write(folder, metrics, look, train);
        (progress.Step, progress.Totals) = (0, new());
        SaveState();
        observer.Epoch(metrics);
    }

    /// <summary>Validates, keeps the weights and looks for failures.</summary>
    private (EpochMetrics Metrics, EpochLook? Look) Judge(double learningRate)
    {
        EpochTotals t = progress.Totals;
        long began = Stopwatch.GetTimestamp();
        progress.Epoch++;
        var (natural, robust, best) = Keep(Model, folder.LastFile, folder.BestFile, progress.Best);
        var averaged = average is null ? (null, null, progress.BestAverage) : Keep(average.Model, folder.LastAverageFile, folder.BestAverageFile, progress.BestAverage);
        (progress.Best, progress.BestAverage) = (best, averaged.Best);
        EpochLook? look = RunParts.TrainsLogits(config) ? EpochLook.At(Model, config, train) : null;
        double seconds = t.Seconds + Stopwatch.GetElapsedTime(began).TotalSeconds;
        EpochMetrics metrics = new(progress.Epoch, learningRate, t.Loss / t.Images, t.Terms.ToDictionary(e => e.Key, e => e.Value / t.Images),
            t.HasNatural ? (double)t.NaturalCorrect / t.Images : null, t.HasAdversarial ? (double)t.AdversarialCorrect / t.Images : null,
            natural, robust, best.Epoch == progress.Epoch, averaged.Natural, averaged.Robust, t.SelectionPercents(), t.Images / t.Seconds, seconds, look?.Probe);
        return (metrics with { Warnings = watch.Warnings(metrics, folder.ReadMetrics()) }, look);
    }

    /// <summary>Validates weights after the epoch and saves them as the last and, if they are, the best. Without validation images the newest are the
    /// best known.</summary>
    private (double? Natural, double? Robust, BestEpoch Best) Keep(Classifier model, string lastFile, string bestFile, BestEpoch best)
    {
        if (model.Parameters.All.FirstOrDefault(p => !double.IsFinite(ReduceKernels.SquaredNorm(p.Tensor.Data))) is { } broken)
            throw Stopped($"after epoch {progress.Epoch}: the weights of {broken.Name} are no longer finite");
        // Pre-training leaves logits that mean nothing.
        var (natural, robust) = validation is null || !RunParts.TrainsLogits(config) ? (null, null) : Validate(model, validation);
        double? chosenBy = attack is null ? natural : robust;
        if (chosenBy is null || chosenBy > best.Accuracy)
        {
            best = new(progress.Epoch, chosenBy ?? -1);
            ClassifierFile.Save(bestFile, model);
        }
        ClassifierFile.Save(lastFile, model);
        return (natural, robust, best);
    }

    private (double? Natural, double? Robust) Validate(Classifier model, ImageSet images)
    {
        EvaluationReport report = new Evaluator(model, images, config.Batch, config.Seed).Run([new(RunParts.ValidationAttack(config))], CancellationToken.None);
        return (report.CleanAccuracy, report.WorstCaseAccuracy);
    }

    private RunSummary Summary()
    {
        IReadOnlyList<EpochMetrics> epochs = folder.ReadMetrics();
        RunCost cost = progress.Cost;
        double? chosenBy = progress.Best.Accuracy < 0 ? null : progress.Best.Accuracy;
        return new(config.Method, config.Model, config.Data, config.Seed, config.Epochs, train.Count, Model.Device.Name, cost.Seconds, cost.CpuSeconds,
            (double)train.Count * config.Epochs / cost.Seconds, cost.ForwardPasses, cost.BackwardPasses, cost.Flop / 1e9, cost.PeakMemoryBytes, progress.Best.Epoch, chosenBy,
            epochs.SelectMany(m => m.Warnings ?? []).CountBy(w => w.Name).ToDictionary(e => e.Key, e => e.Value), progress.DataHash, progress.Id, progress.FromSha256, progress.EarlierEpochs, config.ToJson());
    }

    private void SaveState() => RunState.Save(folder.StateFile, Model, optimizer, average, progress, config);
}
