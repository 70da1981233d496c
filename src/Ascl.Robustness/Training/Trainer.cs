using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
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
public sealed partial class Trainer
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

    /// <summary>Crafts the training images once training by <see cref="Attack"/> has overfitted catastrophically, with
    /// <see cref="OverfittingResponse.Pgd"/>. By default PGD-10 in the threat model, on the loss that the objective names.</summary>
    public IAttack? Fallback
    {
        get => field ?? Objective.AttackOf(new() { Norm = ThreatModel.Norm, Epsilon = ThreatModel.Epsilon });
        init => field = value?.Checked();
    }

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

    /// <summary>Perturbations of the images of the current training; null for objectives that do not remember any, and before
    /// training.</summary>
    public PerturbationMemory? Memory { get; private set; }

    /// <summary>The images of the current training.</summary>
    public TrainingData Data { get => field ?? throw new InvalidOperationException("training has not begun"); private set; }

    /// <summary>Training progress: epoch, step, totals.</summary>
    public RunProgress Progress { get; internal set; } = new();

    /// <summary>Metrics of all completed epochs, including those before a resume.</summary>
    public List<EpochMetrics> History { get; } = [];

    /// <summary>Steps per epoch.</summary>
    public int StepsPerEpoch { get; private set; }

    /// <summary>Images of an epoch, with extra ones, not counting views.</summary>
    internal int ImagesPerEpoch { get; private set; }

    /// <summary>Completed steps, including those before a resume.</summary>
    public long StepsDone => (long)Progress.Epoch * StepsPerEpoch + Progress.Step;

    /// <summary>Latest checkpoint whose weights are finite, for messages; null if there is none.</summary>
    public string? LastGoodCheckpoint { get; set; }

    /// <summary>Whether catastrophic overfitting has ended the training (<see cref="OverfittingResponse.Stop"/>).</summary>
    public bool HasEndedByOverfitting =>
        Settings.OnOverfitting == OverfittingResponse.Stop && Progress.OverfittingEpoch is not null;

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
        Memory = Objective.Memory is { } memory ? new(data.Train, memory) : null;
        BatchPlan first = Plan(0);
        (StepsPerEpoch, ImagesPerEpoch) = (first.Count, first.Order.Length);
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
        TakeExtra();
        Progress.Id ??= RunIdOf(Description, data.ContentHash, Progress.FromSha256, Progress.NaturalHash, Progress.ExtraHash);
        RecordProvenance();
        WeightPerturbation? perturbation = Settings.AwpGamma > 0 ? new(Model.Parameters, Settings.AwpGamma) : null;
        step = new(Model, Objective, Optimizer, perturbation) { ClassMeans = ClassMeans };
        // All ranks end after the same epoch.
        while (Progress.Epoch < Settings.Epochs && !HasEndedByOverfitting && !Communicator.Any(isEnough))
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
    private static string RunIdOf(JsonObject description, string dataHash, string? from, string? natural, string? extra)
    {
        string all = $"{description.ToJsonString()} {dataHash} {from}{(natural is null ? "" : $" {natural}")}"
            + (extra is null ? "" : $" extra {extra}");
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

    /// <summary>Records the extra images in the progress, or checks that they are those that the run began with.</summary>
    private void TakeExtra()
    {
        string? extra = Data.ExtraHash;
        if (StepsDone > 0 && Progress.ExtraHash != extra)
            throw new UserErrorException("the extra images or their labels are not those that the run began with: restore them, or start a "
                + "new run");
        Progress.ExtraHash = extra;
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
        if (Objective.Memory is not null)
            CheckMemory();
        if (Data.Extra is { } extra)
        {
            ExtraImages.CheckSize(extra.Images, train);
            if (!extra.Images.ClassNames.SequenceEqual(train.ClassNames))
                throw new UserErrorException($"{extra.Images.Name}: extra images have other classes than {train.Name}");
            if (ExtraImages.Problem(extra.Share, Settings.Batch) is { } problem)
                throw new UserErrorException($"{extra.Images.Name}: {problem}");
        }
        if (Optimizer.Targets.Count == 0)
            throw new UserErrorException($"{Optimizer.GetType().Name}: has no targets, so nothing would be trained");
        if (Settings.OnOverfitting != OverfittingResponse.Warn && !Callbacks.OfType<Monitoring>().Any())
            throw new UserErrorException($"on-overfitting is {NameText.Of(Settings.OnOverfitting)}, but nothing looks for it: add "
                + $"{nameof(Monitoring)} to {nameof(Trainer)}.{nameof(Callbacks)}");
        Settings.CheckProcesses(Communicator.Size);
        Optimizer.Settings?.Checked();
        ThreatModel.CheckFits(train);
        foreach (SettingProblem problem in Schedule.Checked().ProblemsFor(Settings.Epochs))
            throw problem.Error(Schedule.GetType().Name);
    }

    private void CheckMemory()
    {
        if (Data.Extra is not null)
            throw new UserErrorException($"objective {Objective.Name}: {PerturbationMemory.NoExtra}");
        if (Attack is not PgdAttack { Settings: var settings })
            throw new UserErrorException($"objective {Objective.Name}: steps from remembered perturbations with the settings of a "
                + $"{nameof(PgdAttack)}, not by an attack of another kind");
        foreach (SettingProblem problem in PerturbationMemory.Problems(settings.Norm, settings.Steps, Settings))
            throw problem.Error(Objective.Name);
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
}
