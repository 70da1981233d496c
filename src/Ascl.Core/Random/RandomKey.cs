namespace Ascl.Core.Random;

/// <summary>
/// What random numbers are drawn for. Part of every key, so that no two uses share numbers. Values are never renumbered, so that a resumed
/// run draws the same numbers.
/// </summary>
public enum RandomPurpose : uint
{
    /// <summary>Initial weights of a network.</summary>
    WeightInitialization = 1,

    /// <summary>Random starts of attacks.</summary>
    AttackStart = 2,

    /// <summary>The order of training images in an epoch.</summary>
    Shuffle = 3,

    /// <summary>Random crops of augmentation.</summary>
    Crop = 4,

    /// <summary>Random horizontal flips of augmentation.</summary>
    Flip = 5,

    /// <summary>The split into training and validation images.</summary>
    ValidationSplit = 6,

    /// <summary>Noise added to images.</summary>
    InputNoise = 7,

    /// <summary>Tests and gradient checks.</summary>
    Test = 8,

    /// <summary>Starts of Auto-PGD.</summary>
    AutoPgd = 9,

    /// <summary>Proposals of the Square attack.</summary>
    Square = 10,

    /// <summary>Starts of the FAB attack.</summary>
    FastAdaptiveBoundary = 11,

    /// <summary>Starts of Brendel and Bethge's attack.</summary>
    BrendelBethge = 12,

    // 13 is reserved: it was a purpose of an earlier version.

    /// <summary>Random nodes of ONNX graphs.</summary>
    StochasticNetwork = 14,

    /// <summary>Target classes of images in targeted evaluations.</summary>
    TargetClass = 15,

    /// <summary>The order of extra training images in a pass over them.</summary>
    ExtraImages = 16,

    /// <summary>Draws of programs that use the library, such as those of an attack of one's own. The engine draws nothing for it;
    /// <see cref="RandomKey.Step"/> tells several of one's own apart.</summary>
    Own = 1000,
}

/// <summary>
/// The key of a stream of random numbers: (seed, purpose, step, index). A number depends only on its key and its position in the stream, so
/// an image's numbers do not depend on the batch size, the thread count or the other images.
/// </summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Purpose">What the numbers are for.</param>
/// <param name="Step">Epoch, attack restart or the like.</param>
/// <param name="Index">The image's (or tensor's) number.</param>
public readonly record struct RandomKey(ulong Seed, RandomPurpose Purpose, uint Step = 0, uint Index = 0)
{
    /// <summary>The key for another step.</summary>
    public RandomKey At(uint step) => this with { Step = step };

    /// <summary>The key for another image or tensor.</summary>
    public RandomKey For(int index) => this with { Index = (uint)index };
}
