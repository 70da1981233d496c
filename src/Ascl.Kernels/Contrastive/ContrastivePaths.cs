namespace Ascl.Kernels.Contrastive;

/// <summary>Creates a device's implementation of the loss, generic over the rule and the distance.</summary>
internal interface IContrastivePath<TPath>
{
    static abstract TPath Of<TRule, TDistance>() where TRule : struct, IPairRule where TDistance : struct, IRowDistance;
}

/// <summary>Maps a strategy and a distance to the implementation compiled for them.</summary>
internal static class ContrastivePaths
{
    public static TPath Choose<TMaker, TPath>(SelectionStrategy strategy, RowDistance distance) where TMaker : IContrastivePath<TPath> =>
        strategy switch
        {
            SelectionStrategy.Global => Choose<TMaker, TPath, GlobalRule>(distance),
            SelectionStrategy.Hard => Choose<TMaker, TPath, HardRule>(distance),
            SelectionStrategy.Soft => Choose<TMaker, TPath, SoftRule>(distance),
            SelectionStrategy.Leaked => Choose<TMaker, TPath, LeakedRule>(distance),
            SelectionStrategy.Merge => Choose<TMaker, TPath, MergeRule>(distance),
            _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "no such selection strategy"),
        };

    private static TPath Choose<TMaker, TPath, TRule>(RowDistance distance)
        where TMaker : IContrastivePath<TPath> where TRule : struct, IPairRule => distance switch
        {
            RowDistance.Dot => TMaker.Of<TRule, DotProduct>(),
            RowDistance.L1 => TMaker.Of<TRule, L1Distance>(),
            RowDistance.L2 => TMaker.Of<TRule, L2Distance>(),
            RowDistance.Linf => TMaker.Of<TRule, LinfDistance>(),
            _ => throw new ArgumentOutOfRangeException(nameof(distance), distance, "no such distance"),
        };
}
