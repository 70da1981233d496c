namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Which rows an anchor is compared with (SPEC §1). Each strategy is an <see cref="IPairRule"/>. Positives have the anchor's label,
/// negatives another.
/// </summary>
public enum SelectionStrategy
{
    /// <summary>All positives and all negatives.</summary>
    Global,

    /// <summary>All positives; negatives predicted as the anchor's label.</summary>
    Hard,

    /// <summary>All positives; negatives with the anchor's prediction.</summary>
    Soft,

    /// <summary>Positives and negatives with the anchor's prediction.</summary>
    Leaked,

    /// <summary>All positives; the negatives of <see cref="Hard"/> and of <see cref="Soft"/>.</summary>
    Merge,
}

/// <summary>
/// A selection strategy: whether row j is a positive or a negative of anchor i, given their labels y and predictions p. The kernels exclude
/// j = i.
/// </summary>
public interface IPairRule
{
    /// <summary>Whether j ∈ P_i, for j ≠ i.</summary>
    static abstract bool IsPositive(int yi, int yj, int pi, int pj);

    /// <summary>Whether j ∈ N_i.</summary>
    static abstract bool IsNegative(int yi, int yj, int pi, int pj);
}

/// <summary>The rule of <see cref="SelectionStrategy.Global"/>.</summary>
public readonly struct GlobalRule : IPairRule
{
    /// <inheritdoc/>
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;

    /// <inheritdoc/>
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi;
}

/// <summary>The rule of <see cref="SelectionStrategy.Hard"/>.</summary>
public readonly struct HardRule : IPairRule
{
    /// <inheritdoc/>
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;

    /// <inheritdoc/>
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == yi;
}

/// <summary>The rule of <see cref="SelectionStrategy.Soft"/>.</summary>
public readonly struct SoftRule : IPairRule
{
    /// <inheritdoc/>
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;

    /// <inheritdoc/>
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == pi;
}

/// <summary>The rule of <see cref="SelectionStrategy.Leaked"/>.</summary>
public readonly struct LeakedRule : IPairRule
{
    /// <inheritdoc/>
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi && pj == pi;

    /// <inheritdoc/>
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == pi;
}

/// <summary>The rule of <see cref="SelectionStrategy.Merge"/>.</summary>
public readonly struct MergeRule : IPairRule
{
    /// <inheritdoc/>
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;

    /// <inheritdoc/>
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && (pj == yi || pj == pi);
}
