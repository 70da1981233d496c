using Ascl.Core.Files;
using Ascl.Models.Weights;

namespace Ascl.Models.Checkpoints;

/// <summary>
/// An input normalisation stored as two tensors beside the weights, as a PyTorch normalisation layer in front of the network saves it: mu
/// and sigma, mean and std, new_mean and new_std, or mean and var, with any prefix.
/// </summary>
/// <param name="MeanName">Name of the mean's tensor in the file.</param>
/// <param name="StdName">Name of the tensor of standard deviations (or variances) in the file.</param>
/// <param name="Mean">Mean of each channel, for images in [0, 1].</param>
/// <param name="Std">Standard deviation of each channel, for images in [0, 1].</param>
/// <param name="IsScaled">Whether the file's values are for images in [0, 255]; <paramref name="Mean"/> and <paramref name="Std"/> are
/// divided by 255 then.</param>
/// <param name="Problem">Why it cannot be used; null where it can.</param>
internal sealed record StoredNormalization(string MeanName, string StdName, float[] Mean, float[] Std, bool IsScaled, string? Problem)
{
    private const float Levels = 255, SameWithin = 1e-5f;

    private static readonly (string Mean, string Std)[] Names =
    [
        ("mu", "sigma"), ("mean", "std"), ("new_mean", "new_std"), ("_mean", "_std"), ("means", "sds"), ("means", "stds"), ("mean", "var"),
    ];

    /// <summary>All normalisations in a file whose shapes fit images of <paramref name="channels"/> channels.</summary>
    public static StoredNormalization[] In(TensorFile file, int channels) =>
        [.. file.Names.Select(name => Read(file, name, channels)).OfType<StoredNormalization>()];

    /// <summary>The normalisation among <paramref name="all"/> that belongs to a set of weights: the one whose name shares the longest
    /// prefix with it, because averaged weights may be saved with a normalisation of their own. Null where there is none.</summary>
    public static StoredNormalization? Of(WeightSet set, StoredNormalization[] all)
    {
        if (all.Length == 0)
            return null;
        int shared = all.Max(found => Shared(found.MeanName, set.Prefix));
        StoredNormalization[] nearest = [.. all.Where(found => Shared(found.MeanName, set.Prefix) == shared)];
        StoredNormalization? other = nearest.Skip(1).FirstOrDefault(found => !found.Is(nearest[0].Mean, nearest[0].Std));
        return other is null ? nearest[0] : nearest[0] with { Problem = $"'{other.MeanName}' and '{other.StdName}' say something else" };
    }

    /// <summary>Whether the values agree within rounding.</summary>
    public bool Is(float[] mean, float[] std) => AreNear(Mean, mean) && AreNear(Std, std);

    private static bool AreNear(float[] a, float[] b) =>
        a.Length == b.Length && a.Zip(b).All(pair => MathF.Abs(pair.First - pair.Second) <= SameWithin);

    private static StoredNormalization? Read(TensorFile file, string name, int channels)
    {
        int start = name.LastIndexOf('.') + 1;
        string? partner = Names.Where(pair => pair.Mean == name[start..])
            .Select(pair => name[..start] + pair.Std).FirstOrDefault(file.Contains);
        if (partner is null || !AreOfChannels(file, name, channels) || !AreOfChannels(file, partner, channels))
            return null;
        float[] mean = Spread(file.ReadFloats(name), channels), std = Spread(file.ReadFloats(partner), channels);
        if (partner.EndsWith("var", StringComparison.Ordinal))
            std = [.. std.Select(MathF.Sqrt)];
        bool isScaled = mean.Any(value => value > 1);
        if (isScaled)
            (mean, std) = ([.. mean.Select(value => value / Levels)], [.. std.Select(value => value / Levels)]);
        return new(name, partner, mean, std, isScaled, ProblemOf(mean, std, isScaled));
    }

    /// <summary>Whether a tensor is floating-point and of shape [C], [C, 1, 1] or [1, C, 1, 1], or one number for all channels.</summary>
    private static bool AreOfChannels(TensorFile file, string name, int channels)
    {
        int[] sizes = [.. file.Shape(name).Where(size => size != 1)];
        return file.Dtype(name).IsFloatingPoint()
            && (sizes.Length == 0 || (sizes.Length == 1 && sizes[0] == channels));
    }

    private static float[] Spread(float[] values, int channels) =>
        values.Length == channels ? values : [.. Enumerable.Repeat(values[0], channels)];

    /// <summary>Why the values cannot be used. A standard deviation above 1 with a mean of 0 is ambiguous (images in [0, 255], or really so
    /// large) and is refused.</summary>
    private static string? ProblemOf(float[] mean, float[] std, bool isScaled) =>
        !mean.All(value => value is >= 0 and <= 1) || std.Any(value => isScaled && value < 1 / Levels)
            ? "neither images in 0 to 1 nor in 0 to 255 have these"
        : !std.All(value => value is > 0 and <= 1)
            ? "the standard deviation must be more than 0 and, with this mean, at most 1"
            : null;

    /// <summary>Number of leading dot-separated parts that two names have in common.</summary>
    private static int Shared(string a, string b) => a.Split('.').Zip(b.Split('.')).TakeWhile(pair => pair.First == pair.Second).Count();
}
