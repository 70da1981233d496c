using System.Diagnostics;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Training.Shards;

namespace Ascl.Robustness.Training;

/// <summary>The steps of an epoch, and its end.</summary>
public sealed partial class Trainer
{
    private BatchPlan Plan(int epoch) =>
        BatchPlan.Training(Data.Train, Settings.Batch, Data.Augmentation, Settings.Seed, epoch, Settings.Views, Data.Extra);

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
            var (start, adversarial) = Crafted(batch);
            using IDisposable precision = Model.Device.WithPrecision(Settings.Precision);
            return step!.Run(batch, adversarial, LearningRate(Progress.Step), HelperLabels(adversarial), start);
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
        var crafted = new (Tensor? Start, Tensor? Adversarial)[group.Count];
        bool[] has = [.. images.Select(batch => batch is not null)];
        bool craftsSynchronized = Settings.SyncBn == BatchNormSynchronizationMode.All && CurrentAttack is { CouplesImages: true };
        group.ForEach(has, craftsSynchronized, keepsStatistics: true, i => crafted[i] = Crafted(images[i]!));
        Memory?.Exchange(Communicator, images.OfType<ImageBatch>().SelectMany(batch => batch.Ids.ToArray()));
        using IDisposable precision = Model.Device.WithPrecision(Settings.Precision);
        Shard?[] own = [.. images.Select(
            (batch, i) => batch is null
                ? null
                : new Shard(batch, crafted[i].Start, crafted[i].Adversarial, HelperLabels(crafted[i].Adversarial, i)))];
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

    /// <summary>Adversarial images, and where their step began if the objective remembers that; null without attack.</summary>
    private (Tensor? Start, Tensor? Adversarial) Crafted(ImageBatch batch)
    {
        using IDisposable precision = Model.Device.WithPrecision(AttackPrecision ?? Settings.Precision);
        RandomKey key = new(Settings.Seed, RandomPurpose.AttackStart, (uint)Progress.Epoch);
        return Memory is { } memory
            ? memory.Craft(Model, batch, ((PgdAttack)Attack!).Settings, key)
            : (null, Objective.Attack is null ? null : CurrentAttack!.Perturb(Model, batch, key));
    }

    /// <summary>The attack of this epoch.</summary>
    private IAttack? CurrentAttack =>
        Settings.OnOverfitting == OverfittingResponse.Pgd && Progress.OverfittingEpoch is not null ? Fallback : Attack;

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
        (BestEpoch Best, BestEpoch Average) before = (Progress.Best, Progress.BestAverage);
        // Without validation, the latest epoch counts as the best.
        if (!ChoosesBest)
            Progress.Best = Progress.BestAverage = new(Progress.Epoch, -1);
        Measured(() =>
        {
            foreach (TrainingCallback callback in OwnCallbacks)
                callback.Measure(this, epoch);
            return true;
        });
        RespondToOverfitting(epoch.Metrics, before);
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

    /// <summary>Decides, on all ranks alike, whether catastrophic overfitting changes the training from here on.</summary>
    /// <param name="before">The best epochs before this one.</param>
    private void RespondToOverfitting(EpochMetrics metrics, (BestEpoch Best, BestEpoch Average) before)
    {
        if (Settings.OnOverfitting == OverfittingResponse.Warn || Progress.OverfittingEpoch is not null)
            return;
        bool isSeen = metrics.Warnings?.Any(warning => warning.Name == FailureDetector.CatastrophicOverfitting) == true;
        if (!Communicator.Any(isSeen))
            return;
        Progress.OverfittingEpoch = Progress.Epoch;
        // Without validation images every epoch counts as the best so far, but not one that has overfitted.
        if (Progress.Best.Accuracy < 0 && before.Best.Epoch > 0)
            (Progress.Best, Progress.BestAverage) = before;
    }

    private void CheckFinite(Classifier model)
    {
        if (model.Parameters.All.FirstOrDefault(p => !double.IsFinite(ReduceKernels.SquaredNorm(p.Tensor.Data))) is { } broken)
            throw StoppedError($"after epoch {Progress.Epoch}: the weights of {broken.Name} are no longer finite");
    }
}
