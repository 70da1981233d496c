using System.Globalization;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;

namespace Ascl.Robustness.Attacks;

/// <summary>How the class that an image is to be predicted as is chosen.</summary>
public enum TargetKind
{
    /// <summary>The same class for all images.</summary>
    Class,

    /// <summary>A class other than the label, drawn for each image by its id.</summary>
    Random,

    /// <summary>The class of the smallest logit of the clean image.</summary>
    LeastLikely,
}

/// <summary>The targets of a targeted evaluation.</summary>
/// <param name="Kind">How they are chosen.</param>
/// <param name="Class">The class of <see cref="TargetKind.Class"/>, from 0.</param>
public sealed record TargetChoice(TargetKind Kind, int Class = 0)
{
    private const string RandomName = "random", LeastLikelyName = "least-likely";

    /// <summary>Reads the number of a class, "random" or "least-likely".</summary>
    /// <exception cref="UserErrorException">It is none of these.</exception>
    public static TargetChoice Parse(string text) =>
        text == RandomName ? new(TargetKind.Random)
        : text == LeastLikelyName ? new(TargetKind.LeastLikely)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int c) ? new(TargetKind.Class, c)
        : throw new UserErrorException($"target is {text}: must be the number of a class, from 0, {RandomName} or {LeastLikelyName}");

    /// <summary>As it is written in settings.</summary>
    public override string ToString() => Kind switch
    {
        TargetKind.Random => RandomName,
        TargetKind.LeastLikely => LeastLikelyName,
        _ => Class.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Checks that a class is one of a classifier's.</summary>
    /// <exception cref="UserErrorException">It is not.</exception>
    public void CheckFits(int classes)
    {
        if (Kind == TargetKind.Class && Class >= classes)
            throw new UserErrorException($"target is {Class}: the network has the classes 0 to {classes - 1}");
    }

    /// <summary>The target of each image.</summary>
    /// <param name="logits">[n, classes], of the clean images.</param>
    /// <param name="labels">[n].</param>
    /// <param name="ids">[n].</param>
    /// <param name="seed">Seed of random targets.</param>
    public int[] Of(Tensor logits, int[] labels, int[] ids, ulong seed)
    {
        int classes = logits.Shape[1];
        RandomKey key = new(seed, RandomPurpose.TargetClass);
        return Kind switch
        {
            TargetKind.Random =>
                [.. labels.Zip(ids, (label, id) => (label + 1 + Philox.ToIndex(Philox.Word(key.For(id), 0), classes - 1)) % classes)],
            TargetKind.LeastLikely => [.. logits.ToArray().Chunk(classes).Select(row => Array.IndexOf(row, row.Min()))],
            _ => [.. labels.Select(_ => Class)],
        };
    }
}
