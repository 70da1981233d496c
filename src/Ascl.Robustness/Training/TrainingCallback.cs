using Ascl.Core.Files;

namespace Ascl.Robustness.Training;

/// <summary>A completed training step.</summary>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="Step">Number of the step in the epoch, from 0.</param>
/// <param name="Images">Images in the batch.</param>
/// <param name="Result">Loss terms and counts.</param>
public readonly record struct TrainedStep(int Epoch, int Step, int Images, StepResult Result);

/// <summary>The results of an epoch; callbacks add to them in <see cref="TrainingCallback.Measure"/>.</summary>
public sealed class TrainedEpoch(EpochMetrics metrics)
{
    /// <summary>The metrics.</summary>
    public EpochMetrics Metrics { get; set; } = metrics;

    /// <summary>Behaviour under a weak and a strong attack, with latents, if measured by <see cref="Monitoring"/>.</summary>
    public EpochProbe? Probe { get; set; }
}

/// <summary>
/// Reacts to events of training. The trainer calls its callbacks in order; at the end of an epoch first <see cref="Measure"/> of all of
/// them, then <see cref="EndEpoch"/> of all.
/// </summary>
public abstract class TrainingCallback
{
    /// <summary>Whether it selects the best epoch on held-out images, in <see cref="Measure"/> (<see cref="RunProgress.Best"/>).</summary>
    public virtual bool ChoosesBest => false;

    /// <summary>Where several processes train together, whether each of them calls this callback; otherwise only rank 0 does, as suits logs
    /// and displays. What changes the training must be the same on every rank.</summary>
    public virtual bool RunsOnEveryRank => false;

    /// <summary>Called before the first step; a saved state is restored here.</summary>
    public virtual void Begin(Trainer trainer)
    {
    }

    /// <summary>Called after each step.</summary>
    public virtual void EndStep(Trainer trainer, TrainedStep step)
    {
    }

    /// <summary>Called after the last step of an epoch, to add measurements to it.</summary>
    public virtual void Measure(Trainer trainer, TrainedEpoch epoch)
    {
    }

    /// <summary>Called after all callbacks have measured the epoch.</summary>
    public virtual void EndEpoch(Trainer trainer, TrainedEpoch epoch)
    {
    }

    /// <summary>Called between two steps, as the last event, when the cancellation token has stopped the training. To end a training early
    /// as if after its last epoch, call <see cref="Trainer.RequestStop"/>.</summary>
    public virtual void Stopped(Trainer trainer)
    {
    }

    /// <summary>Called after the last epoch.</summary>
    public virtual void End(Trainer trainer)
    {
    }

    /// <summary>Adds the callback's own state to a state that is being saved, under names with a prefix of its own.</summary>
    public virtual void Save(SafetensorsWriter state)
    {
    }

    /// <summary>Restores what <see cref="Save"/> wrote.</summary>
    public virtual void Load(SafetensorsFile state)
    {
    }
}
