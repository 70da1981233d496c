namespace Ascl.Core.Random;

/// <summary>What random numbers are drawn for. Part of every key, so that no two uses ever share numbers. Values are never renumbered:
/// a saved run goes on with the same numbers.</summary>
public enum RandomPurpose : uint
{
    WeightInitialization = 1,
    AttackStart = 2,
    Shuffle = 3,
    Crop = 4,
    Flip = 5,
    ValidationSplit = 6,
    InputNoise = 7,
    Test = 8,
    AutoPgd = 9,
    Square = 10,
    FastAdaptiveBoundary = 11,
    BrendelBethge = 12,
    LatentPairs = 13,
}

/// <summary>
/// Names a stream of random numbers: (seed, purpose, step, index). A number depends on its key and its place in the stream and on nothing
/// else, so an image's numbers are the same whatever the batch size, the thread count or the other images asked for.
/// <see cref="Index"/> is the image's (or tensor's) own number; <see cref="Step"/> counts epochs, attack restarts and the like.
/// </summary>
public readonly record struct RandomKey(ulong Seed, RandomPurpose Purpose, uint Step = 0, uint Index = 0)
{
    public RandomKey At(uint step) => this with { Step = step };
    public RandomKey For(int index) => this with { Index = (uint)index };
}
