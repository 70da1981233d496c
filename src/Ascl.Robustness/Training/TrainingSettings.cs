using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>Whether training images are augmented.</summary>
public enum AugmentationMode
{
    /// <summary>If the data set suggests it, or if there are two views.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>Where BatchNorm uses the statistics of a whole batch that is cut into shards.</summary>
public enum BatchNormSynchronizationMode
{
    /// <summary>Nowhere: each shard has its own.</summary>
    Off,

    /// <summary>In the passes of the training step.</summary>
    Training,

    /// <summary>Also while crafting with BatchNorm in training mode.</summary>
    All,
}

/// <summary>What catastrophic overfitting changes: the network is robust to the single steps it is trained with, but not to PGD (Wong et
/// al. 2020), which <see cref="Monitoring"/> looks for after each epoch.</summary>
public enum OverfittingResponse
{
    /// <summary>Nothing: there is a warning.</summary>
    Warn,

    /// <summary>Training ends, with the best weights of the epochs before.</summary>
    Stop,

    /// <summary>Training goes on with <see cref="Trainer.Fallback"/>.</summary>
    Pgd,
}

/// <summary>Settings of <see cref="Trainer"/>.</summary>
public sealed record TrainingSettings : ICheckedSettings
{
    /// <summary>Passes over the training images.</summary>
    [Setting("epochs", "Passes over the training images.", Section = "Optimisation", Min = 1)]
    public int Epochs { get; init; } = 10;

    /// <summary>Batch size.</summary>
    [Setting("batch", "Batch size.", Min = 1)]
    public int Batch { get; init; } = 128;

    /// <summary>Whether training images are randomly cropped and flipped.</summary>
    [Setting("augment", "Random crop and flip: on, off, or auto (if the data set suggests it or there are two views).", Form = "MODE")]
    public AugmentationMode Augment { get; init; }

    /// <summary>Differently augmented views of each image in a batch: 1 or 2.</summary>
    [Setting("views", "Augmented views of each image in a batch: 1 or 2.", Min = 1, Max = 2)]
    public int Views { get; init; } = 1;

    /// <summary>Shards of each batch: parts that are computed as batches of their own, in one process or in several.</summary>
    [Setting("shards",
        "Cut each batch into this many shards of consecutive images, each with its own BatchNorm statistics, for training by up to as many "
            + "processes. Results depend on the shards, not on the number of processes.",
        Form = "S", Min = 1)]
    public int Shards { get; init; } = 1;

    /// <summary>Whether BatchNorm uses the statistics of the whole batch although it is cut into shards.</summary>
    [Setting("sync-bn",
        "With shards, whether BatchNorm uses the statistics of the whole batch: off (each shard its own), training (in the passes of the "
            + "training step) or all (also while crafting, with bn-mode train).",
        Form = "MODE")]
    public BatchNormSynchronizationMode SyncBn { get; init; }

    /// <summary>γ of adversarial weight perturbation; 0 for none.</summary>
    [Setting("awp-gamma",
        "Adversarial weight perturbation: compute gradients at weights perturbed by this fraction of their norm to increase the loss (the "
            + "paper: 0.01, with TRADES 0.005); 0: none.", Form = "G", Min = 0)]
    public double AwpGamma { get; init; }

    /// <summary>Decay per step of the exponential moving average of the weights; 0 for none.</summary>
    [Setting("ema-decay",
        "Also keep an exponential moving average of the weights with this decay per step (such as 0.999), which is validated, saved and "
            + "reported too; 0: none.",
        Form = "D", Min = 0, Below = 1)]
    public double EmaDecay { get; init; }

    /// <summary>What catastrophic overfitting changes.</summary>
    [Setting("on-overfitting",
        "When an epoch ends robust to one step but not to PGD-10 (catastrophic overfitting, measured on 128 training images): warn; stop, "
            + "keeping the best weights; or pgd: train on with PGD-10. A resumed run remembers.", Form = "MODE")]
    public OverfittingResponse OnOverfitting { get; init; }

    /// <summary>Precision of convolutions and matrix products in training steps. Validation and reports always use float32.</summary>
    [Setting("precision",
        "Precision of convolutions and matrix products in training steps: float32, or on a GPU's tensor cores tf32 or bf16 with float32 "
            + "accumulation. Validation and reports always use float32.")]
    public Precision Precision { get; init; }

    /// <summary>Random seed.</summary>
    [Setting("seed", "Random seed; the same seed gives bit-identical results.")]
    public ulong Seed { get; init; } = 1;

    /// <summary>The augmentation of a data set's training images.</summary>
    public Augmentation AugmentationOf(DataSet data) => Augment switch
    {
        AugmentationMode.On => Augmentation.CropAndFlip,
        AugmentationMode.Off => Augmentation.None,
        _ => Views == 1 ? data.Augmentation : Augmentation.CropAndFlip,
    };

    /// <exception cref="UserErrorException">There are more processes than shards.</exception>
    internal void CheckProcesses(int processes)
    {
        if (processes > Shards)
            throw new UserErrorException($"shards is {Shards}, but there are {processes} processes: each needs at least one shard "
                + $"of every batch (shards {processes} or more)");
    }

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        if (Views > 1 && Augment == AugmentationMode.Off)
            yield return new("augment", "off", "two views need augmentation to differ");
    }
}
