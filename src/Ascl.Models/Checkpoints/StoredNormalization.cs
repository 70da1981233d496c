using Ascl.Core.Files;
using Ascl.Models.Weights;

namespace Ascl.Models.Checkpoints;

/// <summary>
/// An input normalisation that lies among weights as tensors, as a normalising layer before the network saves it: mu and sigma, mean and
/// std, new_mean and new_std, mean and var, with anything before them.
/// </summary>
/// <param name="MeanName">The file's name of the mean.</param>
/// <param name="StdName">The file's name of the standard deviation.</param>
/// <param name="Mean">A value a channel, for images in [0, 1].</param>
/// <param name="Std">Likewise.</param>
/// <param name="IsScaled">Whether the file has it for images in 0 to 255.</param>
/// <param name="Problem">Why it cannot be used; null where it can.</param>
internal sealed record StoredNormalization(string MeanName, string StdName, float[] Mean, float[] Std, bool IsScaled, string? Problem)
{
    private const float Levels = 255, SameWithin = 1e-5f;

    private static readonly (string Mean, string Std)[] Names = [("mu", "sigma"), ("mean", "std"), ("new_mean", "new_std"), ("_mean", "_std"), ("means", "sds"), ("means", "stds"), ("mean", "var")];

    /// <summary>All that a file holds for images of some number of channels.</summary>
    public static StoredNormalization[] In(SafetensorsFile file, int channels) =>
        [.. file.Names.Select(name => Read(file, name, channels)).OfType<StoredNormalization>()];

    /// <summary>That among <paramref name="all"/> which belongs to a set of weights: the nearest by name, as averaged weights may have been
    /// saved with one of their own. Null where there is none.</summary>
    public static StoredNormalization? Of(WeightSet set, StoredNormalization[] all)
    {
        if (all.Length == 0)
            return null;
        int shared = all.Max(found => Shared(found.MeanName, set.Prefix));
        StoredNormalization[] nearest = [.. all.Where(found => Shared(found.MeanName, set.Prefix) == shared)];
        StoredNormalization? other = nearest.Skip(1).FirstOrDefault(found => !found.Is(nearest[0].Mean, nearest[0].Std));
        return other is null ? nearest[0] : nearest[0] with { Problem = $"'{other.MeanName}' and '{other.StdName}' say something else" };
    }

    /// <summary>Whether another one is the same but for rounding.</summary>
    public bool Is(float[] mean, float[] std) => AreNear(Mean, mean) && AreNear(Std, std);

    private static bool AreNear(float[] a, float[] b) =>
        a.Length == b.Length && a.Zip(b).All(pair => MathF.Abs(pair.First - pair.Second) <= SameWithin);

    private static StoredNormalization? Read(SafetensorsFile file, string name, int channels)
    {
        int start = name.LastIndexOf('.') + 1;
        string? partner = Names.Where(pair => pair.Mean == name[start..]).Select(pair => name[..start] + pair.Std).FirstOrDefault(file.Contains);
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

    /// <summary>[C], [C, 1, 1], [1, C, 1, 1], or one number for all channels.</summary>
    private static bool AreOfChannels(SafetensorsFile file, string name, int channels)
    {
        int[] sizes = [.. file.Shape(name).Where(size => size != 1)];
        return file.Dtype(name) is SafetensorsDtype.F32 or SafetensorsDtype.F64 or SafetensorsDtype.F16 or SafetensorsDtype.BF16
            && (sizes.Length == 0 || (sizes.Length == 1 && sizes[0] == channels));
    }

    private static float[] Spread(float[] values, int channels) => values.Length == channels ? values : [.. Enumerable.Repeat(values[0], channels)];

    /// <summary>A standard deviation above 1 beside a mean of 0 may be meant for 0 to 255, or may be meant: that is not guessed.</summary>
    private static string? ProblemOf(float[] mean, float[] std, bool isScaled) =>
        !mean.All(value => value is >= 0 and <= 1) || std.Any(value => isScaled && value < 1 / Levels)
            ? "neither images in 0 to 1 nor in 0 to 255 have these"
        : !std.All(value => value is > 0 and <= 1)
            ? "the standard deviation is to be more than 0 and, beside such a mean, at most 1"
            : null;

    /// <summary>How many parts between dots two names begin with in common.</summary>
    private static int Shared(string a, string b) => a.Split('.').Zip(b.Split('.')).TakeWhile(pair => pair.First == pair.Second).Count();
}
