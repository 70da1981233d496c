using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>Whether training images are augmented.</summary>
public enum AugmentationMode
{
    /// <summary>Where it suits the data, or where two views of an image are to differ.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>Settings of <see cref="Trainer"/>.</summary>
public sealed record TrainingSettings : ICheckedSettings
{
    /// <summary>Passes over the training images.</summary>
    [Setting("epochs", "Passes over the training images.", Section = "Optimisation", Min = 1)]
    public int Epochs { get; init; } = 10;

    /// <summary>Images a step.</summary>
    [Setting("batch", "Batch size.", Min = 1)]
    public int Batch { get; init; } = 128;

    /// <summary>Random crop and flip.</summary>
    [Setting("augment", "Random crop and flip: on, off, or auto: where it suits the data or there are two views.", Form = "MODE")]
    public AugmentationMode Augment { get; init; }

    /// <summary>How often a batch holds each of its images, every time augmented in another way: 1 or 2.</summary>
    [Setting("views", "Augmented views of each image in a batch: 1 or 2.", Min = 1, Max = 2)]
    public int Views { get; init; } = 1;

    /// <summary>Shards of each batch: parts that are computed as batches of their own, in one process or in several.</summary>
    [Setting("shards",
        "Cut each batch into this many shards of consecutive images, each with its own BatchNorm statistics, for training by up to as many "
            + "processes. Results depend on the shards, not on the number of processes.",
        Form = "S", Min = 1)]
    public int Shards { get; init; } = 1;

    /// <summary>γ of adversarial weight perturbation; 0 for none.</summary>
    [Setting("awp-gamma",
        "Adversarial weight perturbation: take each gradient at weights moved by this share of their norm to where the loss is larger (the "
            + "paper: "
        + "0.01, with TRADES 0.005); 0: none.", Form = "G", Min = 0)]
    public double AwpGamma { get; init; }

    /// <summary>Decay a step of the averaged weights that are kept beside the trained ones; 0 for none.</summary>
    [Setting("ema-decay",
        "Keep averaged weights too, with this decay a step (such as 0.999): they are validated, saved and reported beside the others; "
            + "0: none.",
        Form = "D", Min = 0, Below = 1)]
    public double EmaDecay { get; init; }

    /// <summary>What convolutions and matrix products of training steps round their factors to. Validation and reports do not
    /// round.</summary>
    [Setting("precision",
        "What convolutions and matrix products round their factors to: float32 (nothing), tf32 or bf16 on a GPU's tensor cores; sums stay "
            + "float32. "
        + "Of training steps; what is reported is always measured in float32.")]
    public Precision Precision { get; init; }

    /// <summary>Of every random number.</summary>
    [Setting("seed", "Random seed: the same seed gives the same bits.")]
    public ulong Seed { get; init; } = 1;

    /// <summary>How training images of a data set are augmented.</summary>
    public Augmentation AugmentationOf(DataSet data) => Augment switch
    {
        AugmentationMode.On => Augmentation.CropAndFlip,
        AugmentationMode.Off => Augmentation.None,
        _ => Views == 1 ? data.Augmentation : Augmentation.CropAndFlip,
    };

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        if (Views > 1 && Augment == AugmentationMode.Off)
            yield return new("augment", "off", "two views of an image differ by it");
    }
}
