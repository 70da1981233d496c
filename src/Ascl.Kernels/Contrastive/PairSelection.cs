using Ascl.Core.Settings;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// A selection strategy as an object: one of <see cref="All"/>, to which <see cref="SelectionStrategy"/> converts, or one of the caller's
/// own (<see cref="Of"/>). The CPU and CUDA kernels are compiled for its rule.
/// </summary>
public abstract class PairSelection : INamedSettings
{
    /// <summary>The built-in strategies, in the order of <see cref="SelectionStrategy"/>.</summary>
    public static IReadOnlyList<PairSelection> All { get; } =
        [Of<GlobalRule>("global"), Of<HardRule>("hard"), Of<SoftRule>("soft"), Of<LeakedRule>("leaked"), Of<MergeRule>("merge")];

    private PairSelection(string name) => Name = name;

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>A strategy with a rule of the caller's own. Make it once and keep it: two objects are two strategies.</summary>
    /// <typeparam name="TRule">A public struct; its expressions must be such that ILGPU can compile them.</typeparam>
    /// <param name="name">What it is called in metrics.</param>
    public static PairSelection Of<TRule>(string name) where TRule : struct, IPairRule => new Selection<TRule>(name);

    /// <summary>A built-in strategy.</summary>
    public static implicit operator PairSelection(SelectionStrategy strategy) => Enum.IsDefined(strategy)
        ? All[(int)strategy]
        : throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "no such selection strategy");

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The path compiled for this strategy and a distance.</summary>
    internal abstract TPath Choose<TMaker, TPath>(RowDistance distance) where TMaker : IContrastivePath<TPath>;

    private sealed class Selection<TRule>(string name) : PairSelection(name) where TRule : struct, IPairRule
    {
        internal override TPath Choose<TMaker, TPath>(RowDistance distance) => distance switch
        {
            RowDistance.Dot => TMaker.Of<TRule, DotProduct>(),
            RowDistance.L1 => TMaker.Of<TRule, L1Distance>(),
            RowDistance.L2 => TMaker.Of<TRule, L2Distance>(),
            RowDistance.Linf => TMaker.Of<TRule, LinfDistance>(),
            RowDistance.Lkinf => TMaker.Of<TRule, LkinfDistance>(),
            _ => throw new ArgumentOutOfRangeException(nameof(distance), distance, "no such distance"),
        };
    }
}

/// <summary>Makes a device's path of the loss for a rule and a distance known to the compiler.</summary>
internal interface IContrastivePath<TPath>
{
    static abstract TPath Of<TRule, TDistance>() where TRule : struct, IPairRule where TDistance : struct, IRowDistance;
}
