using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training.Shards;

namespace Ascl.Robustness.Training;

/// <summary>
/// Trains a classifier: for each batch, the attack crafts adversarial images, the gradient of the objective is computed and the optimiser
/// updates the weights. Everything else (checkpoints, validation, logs, progress) is done by callbacks. Random numbers are keyed by seed,
/// epoch and image, so that stopped and resumed training (<see cref="Checkpoints"/>) is bit-identical to uninterrupted training.
/// </summary>
public sealed class Trainer
{
    private readonly ResidentBatches batches;
    private readonly Dictionary<(int Shard, int Count), DeviceBuffer<int>> helperLabels = [];
    private TrainingStep? step;
    private ShardGroup? shards;
    private bool isFinished, isEnough;

    /// <summary>A trainer with the default attack, optimiser and schedule.</summary>
    /// <param name="model">The classifier to train.</param>
    /// <param name="objective">The objective to minimise.</param>
    /// <param name="settings">Training settings; null for the defaults.</param>
    /// <exception cref="UserErrorException">A setting is out of range.</exception>
    public Trainer(Classifier model, IObjective objective, TrainingSettings? settings = null)
    {
        (Model, Objective, Settings) = (model, objective.Checked(), (settings ?? new()).Checked());
        if (Settings.Views < objective.MinimumViews)
            throw new UserErrorException($"views is {Settings.Views}: {objective.Name} needs {objective.MinimumViews} views of each image");
        batches = new ResidentBatches(model.Device);
        Average = Settings.EmaDecay > 0 ? new WeightAverage(model, Settings.EmaDecay) : null;
        ClassMeans = objective.ClassMeansTemperature is { } temperature ? new(model.Device, model.Spec.Classes, temperature) : null;
        Attack = objective.AttackOf(new());
        Optimizer = new SgdOptimizer(Optimizers.Targets(model, objective.Trains));
        Schedule = new CosineSchedule();
    }

    /// <summary>The classifier to train.</summary>
    public Classifier Model { get; }

    /// <summary>The objective to minimise.</summary>
    public IObjective Objective { get; }

    /// <summary>The training settings.</summary>
    public TrainingSettings Settings { get; }

    /// <summary>Crafts the adversarial training images; null for objectives without an attack. By default PGD-10.</summary>
    public IAttack? Attack { get; init => field = value?.Checked(); }

    /// <summary>The naturally trained network whose predictions label helper images; null for objectives without them
    /// (<see cref="IObjective.HelperReach"/>).</summary>
    public Classifier? Natural { get; init; }

    /// <summary>Precision of the attack's convolutions and matrix products; null: that of the training step.</summary>
    public Precision? AttackPrecision { get; init; }

    /// <summary>Updates the weights; by default SGD with momentum.</summary>
    public IOptimizer Optimizer { get; init; }

    /// <summary>The learning-rate schedule; by default cosine.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>Threat model of training and validation; by default that of the attack, or 8/255 in L∞ without an attack.</summary>
    public ThreatModel ThreatModel
    {
        get => field ?? (Attack is null ? ThreatModel.Of(PerturbationNorm.Linf) : new(Attack.Norm, Attack.Epsilon));
        init;
    }

    /// <summary>The processes that train together; by default one. Each calls <see cref="Fit(TrainingData, CancellationToken)"/> with the
    /// same model, data and settings.</summary>
    public Communicator Communicator { get; init; } = Communicator.Single;

    /// <summary>The callbacks, called in this order.</summary>
    public IList<TrainingCallback> Callbacks { get; init; } = [];

    /// <summary>The settings that determine the result, by name; a run is resumed only if they are unchanged. By default collected from the
    /// objective, optimiser, schedule and attack.</summary>
    public JsonObject Description
    {
        get => field ?? Describe();
        init;
    }

    /// <summary>The averaged weights; null without averaging.</summary>
    public WeightAverage? Average { get; }

    /// <summary>Class means of the previous epoch; null for objectives without them.</summary>
    public ClassMeans? ClassMeans { get; }

    /// <summary>The images of the current training.</summary>
    public TrainingData Data { get => field ?? throw new InvalidOperationException("training has not begun"); private set; }

    /// <summary>Training progress: epoch, step, totals.</summary>
    public RunProgress Progress { get; internal set; } = new();

    /// <summary>Metrics of all completed epochs, including those before a resume.</summary>
    public List<EpochMetrics> History { get; } = [];

    /// <summary>Steps per epoch.</summary>
    public int StepsPerEpoch { get; private set; }

    /// <summary>Completed steps, including those before a resume.</summary>
    public long StepsDone => (long)Progress.Epoch * StepsPerEpoch + Progress.Step;

    /// <summary>Latest checkpoint whose weights are finite, for messages; null if there is none.</summary>
    public string? LastGoodCheckpoint { get; set; }

    /// <summary><see cref="Classifier.WeightHash"/> of the natural network; null for objectives without helper images.</summary>
    internal string? NaturalHash => Objective.HelperReach is null ? null : Natural?.WeightHash();

    private IEnumerable<TrainingCallback> OwnCallbacks => Callbacks.Where(callback => Communicator.IsMain || callback.RunsOnEveryRank);

    private bool ChoosesBest => Callbacks.Any(callback => callback.ChoosesBest);

    /// <summary>Trains on the training part of a data set; validation images are held out if a callback selects the best epoch.</summary>
    /// <exception cref="UserErrorException">As for the other overload.</exception>
    public void Fit(DataSet data, CancellationToken stop = default) =>
        Fit(TrainingData.Of(data, Settings, ChoosesBest ? null : 0), stop);

    /// <summary>Trains until the last epoch is done.</summary>
    /// <param name="data">Images that match the model's input size and classes.</param>
    /// <param name="stop">Ends training after the current step.</param>
    /// <exception cref="UserErrorException">Data and model do not match, the loss is no longer finite, or a file cannot be
    /// written.</exception>
    /// <exception cref="OperationCanceledException">Training was stopped.</exception>
    /// <exception cref="InvalidOperationException">This trainer's training is finished already.</exception>
    public void Fit(TrainingData data, CancellationToken stop = default)
    {
        if (isFinished)
            throw new InvalidOperationException($"training is finished: this trainer has done its {Progress.Epoch} epochs; another trainer "
                + "of the same model trains on from its weights");
        Data = data;
        CheckCompatibility();
        StepsPerEpoch = Plan(0).Count;
        Communicator.Together(() =>
        {
            foreach (TrainingCallback callback in OwnCallbacks)
                callback.Begin(this);
            return true;
        });
        RankChecks.Require(this);
        if (Settings.Shards > 1 || Communicator.Size > 1)
            shards = new(Model, Communicator, Settings.Shards);
        if (Settings.SyncBn != BatchNormSynchronizationMode.Off && shards?.Count > 1 && !Model.Device.RunsLockstep)
            throw new UserErrorException($"sync-bn is {NameText.Of(Settings.SyncBn)}: on {Model.Device.Name} each process can have one "
                + $"shard: {Settings.Shards} processes are needed");
        Progress.DataHash ??= data.ContentHash;
        TakeNatural();
        Progress.Id ??= RunIdOf(Description, data.ContentHash, Progress.FromSha256, Progress.NaturalHash);
        RecordProvenance();
        WeightPerturbation? perturbation = Settings.AwpGamma > 0 ? new(Model.Parameters, Settings.AwpGamma) : null;
        step = new(Model, Objective, Optimizer, perturbation) { ClassMeans = ClassMeans };
        // All ranks end after the same epoch.
        while (Progress.Epoch < Settings.Epochs && !Communicator.Any(isEnough))
        {
            RunEpoch(stop);
            EndEpoch();
        }
        foreach (TrainingCallback callback in OwnCallbacks)
            callback.End(this);
        // Now the files that rank 0 has written are there for all.
        Communicator.Any(false);
        isFinished = true;
    }

    /// <summary>
    /// Ends training after the current epoch as if it were the last, for early stopping in a callback: <see cref="Fit(TrainingData,
    /// CancellationToken)"/> then returns. A cancellation token instead ends it after the current step, by an exception.
    /// </summary>
    public void RequestStop() => isEnough = true;

    /// <summary>The id of a run: a hash of its description and images. It is stored rather than recomputed, because later versions may have
    /// other settings.</summary>
    private static string RunIdOf(JsonObject description, string dataHash, string? from, string? natural)
    {
        string all = $"{description.ToJsonString()} {dataHash} {from}{(natural is null ? "" : $" {natural}")}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all))[..16]);
    }

    /// <summary>Records the natural network in the progress, or checks that it is the one that the run began with.</summary>
    private void TakeNatural()
    {
        string? natural = NaturalHash;
        if (StepsDone > 0 && Progress.NaturalHash != natural)
            throw new UserErrorException($"the natural network of {Objective.Name} has other weights than the one that the run began with: "
                + "restore it, or start a new run");
        Progress.NaturalHash = natural;
    }

    private JsonObject Describe()
    {
        JsonObject all = SettingTree.ToJson(Settings);
        all.Remove("epochs");
        object?[] parts = [Objective, Schedule, Optimizer.Settings];
        foreach (var (key, value) in parts.OfType<object>().SelectMany(SettingTree.ToJson))
            all[key] = value?.DeepClone();
        all["network"] = Model.Spec.Network;
        all["objective"] = Objective.Name;
        all["schedule"] = Schedule.Name;
        all["optimizer"] = Optimizer.GetType().Name;
        foreach (var (key, value) in Attack is null ? [] : AttackDescription.Of(Attack))
            all[key] = value?.DeepClone();
        return all;
    }

    /// <summary>Records in the model which images it is trained on, in addition to those of its initial weights.</summary>
    private void RecordProvenance()
    {
        Model.Provenance = TrainedImages.Provenance(Data, Model.Provenance, ThreatModel, Progress.Id!, isEncoder: !Objective.TrainsLogits);
        // What the natural network has learned, the model learns from its predictions.
        if (Progress.NaturalHash is not null && Natural?.Provenance is { } natural)
            Model.Provenance = Model.Provenance with { Images = Model.Provenance.Images.Union(natural.Images) };
        if (Average is not null)
            Average.Model.Provenance = Model.Provenance;
    }

    private void CheckCompatibility()
    {
        ImageSet train = Data.Train;
        if (train.Channels != Model.Spec.Channels)
            throw new UserErrorException($"{train.Name}: images have {train.Channels} channels, the network takes {Model.Spec.Channels}");
        if (train.ClassNames.Count != Model.Spec.Classes)
            throw new UserErrorException($"{train.Name}: has {train.ClassNames.Count} classes, the network {Model.Spec.Classes}");
        if (Model.ImageSize is { } size && size != (train.Height, train.Width))
            throw new UserErrorException($"{train.Name}: images have {train.Height}x{train.Width} pixels, the network takes "
                + $"{size.Height}x{size.Width}");
        if (Objective.Attack is not null && Attack is null)
            throw new UserErrorException($"objective {Objective.Name}: trains on adversarial images, but there is no attack to craft them");
        if (Objective.HelperReach is not null)
            CheckNatural();
        if (Optimizer.Targets.Count == 0)
            throw new UserErrorException($"{Optimizer.GetType().Name}: has no targets, so nothing would be trained");
        Settings.CheckProcesses(Communicator.Size);
        Optimizer.Settings?.Checked();
        ThreatModel.CheckFits(train);
        foreach (SettingProblem problem in Schedule.Checked().ProblemsFor(Settings.Epochs))
            throw problem.Error(Schedule.GetType().Name);
    }

    private void CheckNatural()
    {
        string learns = $"objective {Objective.Name}: learns the predictions of a naturally trained network";
        if (Natural is null)
            throw new UserErrorException($"{learns}, but there is none ({nameof(Trainer)}.{nameof(Natural)})");
        if ((Natural.Spec.Channels, Natural.Spec.Classes) != (Model.Spec.Channels, Model.Spec.Classes))
            throw new UserErrorException($"{learns}: it has {Natural.Spec.Classes} classes of images with {Natural.Spec.Channels} "
                + $"channels, the trained one {Model.Spec.Classes} of images with {Model.Spec.Channels}");
    }

    private BatchPlan Plan(int epoch) =>
        BatchPlan.Training(Data.Train, Settings.Batch, Data.Augmentation, Settings.Seed, epoch, Settings.Views);

    private double LearningRate(int step) => Schedule.At(Progress.Epoch, step, StepsPerEpoch, Settings.Epochs);

    private void RunEpoch(CancellationToken stop)
    {
        BatchPlan plan = Plan(Progress.Epoch);
        Batch host = plan.NewBatch();
        while (Progress.Step < plan.Count)
        {
            // All ranks stop after the same step.
            if (Communicator.Any(stop.IsCancellationRequested))
            {
                foreach (TrainingCallback callback in OwnCallbacks)
                    callback.Stopped(this);
                throw Communicator.Size == 1 ? new OperationCanceledException(stop) : new CollectiveStopException(stop);
            }
            long began = Stopwatch.GetTimestamp();
            StepResult result = Measured(() =>
            {
                StepResult done = RunStep(plan, host);
                Average?.Update(StepsDone);
                return done;
            });
            int images = plan.CountOf(Progress.Step) * Settings.Views;
            Progress.Totals.Add(result, images, Stopwatch.GetElapsedTime(began).TotalSeconds);
            TrainedStep trained = new(Progress.Epoch, Progress.Step++, images, result);
            foreach (TrainingCallback callback in OwnCallbacks)
                callback.EndStep(this, trained);
        }
    }

    /// <summary>Adds what work costs on all ranks to the cost of the run.</summary>
    private T Measured<T>(Func<T> work)
    {
        RunCost cost = new();
        T result = cost.Measure(work);
        Progress.Cost.Add(RunCost.OfAll(cost, Communicator));
        return result;
    }

    private StepResult RunStep(BatchPlan plan, Batch host)
    {
        using IDisposable scope = Model.Device.Pool.BeginScope();
        try
        {
            if (shards is not null)
                return RunShards(shards, plan, host);
            plan.Fill(Progress.Step, host);
            ImageBatch batch = batches.Of(Data.Train, host);
            Tensor? adversarial = Adversarial(batch);
            using IDisposable precision = Model.Device.WithPrecision(Settings.Precision);
            return step!.Run(batch, adversarial, LearningRate(Progress.Step), HelperLabels(adversarial));
        }
        catch (LossNotFiniteException e)
        {
            throw StoppedError($"in epoch {Progress.Epoch + 1}, step {Progress.Step + 1}: {e.Message}", e);
        }
    }

    private StepResult RunShards(ShardGroup group, BatchPlan plan, Batch host)
    {
        group.Statistics.Begin();
        ImageBatch?[] images = [.. Enumerable.Range(0, group.Count).Select(i => group.Batch(plan, Progress.Step, i, host))];
        Tensor?[] adversarial = new Tensor?[group.Count];
        bool[] has = [.. images.Select(batch => batch is not null)];
        bool craftsSynchronized = Settings.SyncBn == BatchNormSynchronizationMode.All && Attack is { CouplesImages: true };
        group.ForEach(has, craftsSynchronized, keepsStatistics: true, i => adversarial[i] = Adversarial(images[i]!));
        using IDisposable precision = Model.Device.WithPrecision(Settings.Precision);
        Shard?[] own = [.. images.Select(
            (batch, i) => batch is null ? null : new Shard(batch, adversarial[i], HelperLabels(adversarial[i], i)))];
        ShardedPass pass = new(Model, Objective, group, own, plan.CountOf(Progress.Step), Settings.Views,
            Settings.SyncBn != BatchNormSynchronizationMode.Off, ClassMeans?.Table);
        try
        {
            return step!.Run(pass, LearningRate(Progress.Step));
        }
        finally
        {
            group.EndStep();
        }
    }

    private Tensor? Adversarial(ImageBatch batch)
    {
        using IDisposable precision = Model.Device.WithPrecision(AttackPrecision ?? Settings.Precision);
        RandomKey key = new(Settings.Seed, RandomPurpose.AttackStart, (uint)Progress.Epoch);
        return Objective.Attack is null ? null : Attack!.Perturb(Model, batch, key);
    }

    /// <summary>The natural network's predictions for adversarial images, which label the helper images; null without those.</summary>
    /// <param name="shard">Index among this process's shards; each has memory of its own, the same in every step.</param>
    private DeviceBuffer<int>? HelperLabels(Tensor? adversarial, int shard = 0)
    {
        if (Objective.HelperReach is null || adversarial is null)
            return null;
        int count = adversarial.Shape[0];
        if (!helperLabels.TryGetValue((shard, count), out DeviceBuffer<int>? labels))
            helperLabels[(shard, count)] = labels = Model.Device.Allocate<int>(count);
        using IDisposable scope = Model.Device.Pool.BeginScope();
        ElementwiseKernels.Copy(Natural!.Forward(adversarial, ForwardMode.Inference).Logits.Predict(), 0, labels, 0, labels.Length);
        return labels;
    }

    private UserErrorException StoppedError(string problem, Exception? cause = null) =>
        new($"training stopped {problem}; last good checkpoint: {LastGoodCheckpoint ?? "none yet"} (a lower learning rate may help)",
            cause);

    private void EndEpoch()
    {
        long began = Stopwatch.GetTimestamp();
        EpochTotals totals = Progress.Totals;
        TrainedEpoch epoch = new(totals.Metrics(++Progress.Epoch, Schedule.At(Progress.Epoch - 1, 0, StepsPerEpoch, Settings.Epochs)));
        ClassMeans?.EndEpoch();
        CheckFinite(Model);
        if (Average is not null)
            CheckFinite(Average.Model);
        // Without validation, the latest epoch counts as the best.
        if (!ChoosesBest)
            Progress.Best = Progress.BestAverage = new(Progress.Epoch, -1);
        Measured(() =>
        {
            foreach (TrainingCallback callback in OwnCallbacks)
                callback.Measure(this, epoch);
            return true;
        });
        epoch.Metrics = epoch.Metrics with
        {
            Best = Progress.Best.Epoch == Progress.Epoch,
            Seconds = totals.Seconds + Stopwatch.GetElapsedTime(began).TotalSeconds
        };
        History.Add(epoch.Metrics);
        (Progress.Step, Progress.Totals) = (0, new());
        foreach (TrainingCallback callback in OwnCallbacks)
            callback.EndEpoch(this, epoch);
    }

    private void CheckFinite(Classifier model)
    {
        if (model.Parameters.All.FirstOrDefault(p => !double.IsFinite(ReduceKernels.SquaredNorm(p.Tensor.Data))) is { } broken)
            throw StoppedError($"after epoch {Progress.Epoch}: the weights of {broken.Name} are no longer finite");
    }
}
