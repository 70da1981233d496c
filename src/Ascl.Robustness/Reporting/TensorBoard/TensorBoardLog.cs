using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting.TensorBoard;

/// <summary>Writes an event file for TensorBoard after each epoch (<see cref="EpochEvents"/>).</summary>
/// <param name="folder">Folder of the event files; created if needed.</param>
public sealed class TensorBoardLog(string folder) : TrainingCallback
{
    /// <inheritdoc/>
    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch) =>
        EpochEvents.Write(folder, epoch.Metrics, epoch.Probe, trainer.Data.Train);
}
