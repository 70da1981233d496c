using Ascl.Core.Files;

namespace Ascl.Robustness.Training;

/// <summary>What a step was and measured.</summary>
/// <param name="Epoch">From 0.</param>
/// <param name="Step">In the epoch, from 0.</param>
/// <param name="Images">In its batch.</param>
/// <param name="Result">Loss terms and counts.</param>
public readonly record struct TrainedStep(int Epoch, int Step, int Images, StepResult Result);

/// <summary>What is known at the end of an epoch; callbacks complete it in <see cref="TrainingCallback.Measure"/>.</summary>
public sealed class TrainedEpoch(EpochMetrics metrics)
{
    /// <summary>Numbers of the epoch.</summary>
    public EpochMetrics Metrics { get; set; } = metrics;

    /// <summary>Behaviour under a weak and a strong attack, with latents, where <see cref="Monitoring"/> has measured it.</summary>
    public EpochProbe? Probe { get; set; }
}

/// <summary>
/// Something that happens while a network is trained, besides training. For each event a trainer calls its callbacks in their order; at the
/// end of an epoch first <see cref="Measure"/> of all of them, then <see cref="EndEpoch"/> of all.
/// </summary>
public abstract class TrainingCallback
{
    /// <summary>Whether it chooses the best epoch by held-out images, in <see cref="Measure"/> (<see cref="RunProgress.Best"/>).</summary>
    public virtual bool ChoosesBest => false;

    /// <summary>Where several processes train together, whether each of them calls this callback; otherwise only rank 0 does, as suits logs
    /// and displays. What changes the training must be the same on every rank.</summary>
    public virtual bool RunsOnEveryRank => false;

    /// <summary>Before the first step; what restores an earlier state does so here.</summary>
    public virtual void Begin(Trainer trainer)
    {
    }

    /// <summary>After each step.</summary>
    public virtual void EndStep(Trainer trainer, TrainedStep step)
    {
    }

    /// <summary>After the last step of an epoch: adds to what is known of it.</summary>
    public virtual void Measure(Trainer trainer, TrainedEpoch epoch)
    {
    }

    /// <summary>When everything about an epoch is measured.</summary>
    public virtual void EndEpoch(Trainer trainer, TrainedEpoch epoch)
    {
    }

    /// <summary>When training was asked to stop, between two steps.</summary>
    public virtual void Stop(Trainer trainer)
    {
    }

    /// <summary>After the last epoch.</summary>
    public virtual void End(Trainer trainer)
    {
    }

    /// <summary>Adds what the callback itself must find again after a resume to a state that is being saved, under names that begin with
    /// its own.</summary>
    public virtual void Save(SafetensorsWriter state)
    {
    }

    /// <summary>Takes over what <see cref="Save"/> wrote.</summary>
    public virtual void Load(SafetensorsFile state)
    {
    }
}
