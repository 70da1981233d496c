namespace Ascl.Kernels.Contrastive;

/// <summary>Which other rows an anchor is compared with (SPEC §1); each is an <see cref="IPairRule"/>.</summary>
public enum SelectionStrategy
{
    /// <summary>Every row: same class attracts, other classes repel.</summary>
    Global,

    /// <summary>Negatives only where they are taken for the anchor's class.</summary>
    Hard,

    /// <summary>Negatives only where they are predicted as the anchor is.</summary>
    Soft,

    /// <summary>Positives and negatives only where they are predicted as the anchor is.</summary>
    Leaked,

    /// <summary>Negatives of <see cref="Hard"/> and <see cref="Soft"/> together.</summary>
    Merge,
}

/// <summary>
/// A selection strategy: whether row j is a positive or a negative of anchor i, from their labels y and predictions p. A row is never
/// compared with itself; that is the kernel's business.
/// </summary>
public interface IPairRule
{
    static abstract bool IsPositive(int yi, int yj, int pi, int pj);
    static abstract bool IsNegative(int yi, int yj, int pi, int pj);
}

public readonly struct GlobalRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi;
}

public readonly struct HardRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == yi;
}

public readonly struct SoftRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == pi;
}

public readonly struct LeakedRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi && pj == pi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == pi;
}

public readonly struct MergeRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && (pj == yi || pj == pi);
}
