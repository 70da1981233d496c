using System.Globalization;
using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>
/// Parses the input normalisation of a classifier, (x − mean)/std for each channel of images in [0, 1], from a name or numbers. The
/// constants of the names are those of widely used public training code.
/// </summary>
public static class InputNormalization
{
    /// <summary>The normalisation of the data: its known constants, or else the statistics of the training images.</summary>
    public const string Auto = "auto";

    /// <summary>No normalisation.</summary>
    public const string None = "none";

    /// <summary>The form of numbers: means and standard deviations of the channels; one value stands for all channels.</summary>
    public const string NumbersForm = "M,M,M/S,S,S";

    /// <summary>Dividing images by less would lose float32's precision.</summary>
    private const float SmallestStd = 1e-4f;

    private static readonly Dictionary<string, (float[] Mean, float[] Std)> Constants = new()
    {
        ["cifar10"] = ([0.4914f, 0.4822f, 0.4465f], [0.2471f, 0.2435f, 0.2616f]),
        ["cifar100"] = ([0.5071f, 0.4865f, 0.4409f], [0.2673f, 0.2564f, 0.2762f]),
        ["mnist"] = ([0.1307f], [0.3081f]),
        ["fashion-mnist"] = ([0.2860f], [0.3530f]),
        ["imagenet"] = ([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]),
    };

    /// <summary>The valid names, besides numbers in <see cref="NumbersForm"/>. "half" is mean 0.5 and standard deviation 0.5 for any number
    /// of channels.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, None, .. Constants.Keys, "half"];

    /// <summary>Whether the normalisation depends on the data set (<see cref="Auto"/>).</summary>
    public static bool NeedsData(string text) => text == Auto;

    /// <summary>Checks a normalisation as far as possible without the images.</summary>
    /// <param name="text">One of <see cref="Names"/>, or numbers in <see cref="NumbersForm"/>.</param>
    /// <exception cref="UserErrorException">The name is unknown, or the numbers are invalid: means must be in [0, 1], standard deviations
    /// at least 0.0001.</exception>
    public static void Check(string text)
    {
        if (text is not (Auto or None))
            Find(text);
    }

    /// <summary>Mean and standard deviation of each channel for images of a data set; both empty for no normalisation.</summary>
    /// <param name="text">As for <see cref="Check"/>.</param>
    /// <param name="data">The data set; "auto" is its <see cref="DataSet.Normalization"/>.</param>
    /// <exception cref="UserErrorException">As for <see cref="Check"/>, or the normalisation has another number of channels.</exception>
    public static (float[] Mean, float[] Std) Of(string text, DataSet data) =>
        NeedsData(text) ? data.Normalization() : Of(text, data.Train.Channels, data.Name);

    /// <summary>Mean and standard deviation of each channel for images with a number of channels; both empty for no
    /// normalisation.</summary>
    /// <param name="text">As for <see cref="Check"/>, but not "auto".</param>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="owner">What has these channels, for messages: a data set or network.</param>
    /// <exception cref="UserErrorException">As for <see cref="Check"/>, or the normalisation has another number of channels, or it is
    /// "auto".</exception>
    public static (float[] Mean, float[] Std) Of(string text, int channels, string owner)
    {
        if (NeedsData(text))
            throw new UserErrorException($"normalize {text} depends on the images: set data");
        if (text == None)
            return ([], []);
        var (mean, std, fitsAny) = Find(text);
        return (Spread(mean), Spread(std));

        float[] Spread(float[] values) =>
            values.Length == channels ? [.. values]
            : values.Length == 1 && fitsAny ? [.. Enumerable.Repeat(values[0], channels)]
            : throw new UserErrorException($"normalize {text} is for {Counted(values.Length)}, {owner} has {channels}");
    }

    /// <summary>The constants of a data set's name.</summary>
    internal static (float[] Mean, float[] Std) Known(string name) => ([.. Constants[name].Mean], [.. Constants[name].Std]);

    /// <returns>The values, and whether a single one stands for any number of channels.</returns>
    private static (float[] Mean, float[] Std, bool FitsAny) Find(string text)
    {
        if (Constants.TryGetValue(text, out var known))
            return (known.Mean, known.Std, false);
        if (text == "half")
            return ([0.5f], [0.5f], true);
        if (!text.Contains('/'))
            throw NearestName.Unknown("normalize", text, [.. Names, NumbersForm]);
        string[] halves = text.Split('/');
        if (halves.Length != 2)
            throw new UserErrorException($"normalize {text} has {halves.Length - 1} strokes, {NumbersForm} has one");
        float[] mean = Numbers(text, halves[0], "mean"), std = Numbers(text, halves[1], "standard deviation");
        if (mean.Length != std.Length && mean.Length != 1 && std.Length != 1)
            throw new UserErrorException($"normalize {text} has {mean.Length} means and {std.Length} standard deviations");
        foreach (float value in mean)
            if (value is < 0 or > 1)
            {
                throw new UserErrorException(
                    $"normalize {text}: the mean {value} is not in [0, 1] as pixels are (of 0 to 255: divide all by 255)");
            }
        foreach (float value in std)
            if (value < SmallestStd)
                throw new UserErrorException($"normalize {text}: the standard deviation {value} must be at least {SmallestStd}");
        return (mean, std, true);
    }

    private static float[] Numbers(string text, string list, string what) => [.. list.Split(',').Select(part =>
        float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value)
            ? value
            : throw new UserErrorException($"normalize {text}: the {what} '{part.Trim()}' is not a number ({NumbersForm} is needed)"))];

    private static string Counted(int channels) => channels == 1 ? "1 channel" : $"{channels} channels";

    /// <summary>The text for reports, "mean 0.4914, 0.4822, 0.4465, std 0.2471, 0.2435, 0.2616" or "none, pixels in [0, 1]".</summary>
    public static string Text(IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        return mean.Count == 0 ? "none, pixels in [0, 1]" : $"mean {List(mean)}, std {List(std)}";

        static string List(IReadOnlyList<float> values) =>
            string.Join(", ", values.Select(value => value.ToString("0.####", CultureInfo.InvariantCulture)));
    }
}
