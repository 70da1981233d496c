using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>Checks that a classifier's outputs are logits that attacks can work on.</summary>
public static class LogitChecks
{
    /// <summary>The caveat if the outputs are probabilities.</summary>
    public const string ProbabilitiesCaveat =
        "the outputs are probabilities, not logits: a saturated softmax masks gradients, so robust accuracies are overestimated";

    /// <summary>The caveat if two passes give different outputs.</summary>
    public const string RandomCaveat =
        "the network is stochastic: two passes over the same images give different outputs, so accuracies vary between evaluations";

    /// <summary>Caveats about the outputs for all images.</summary>
    /// <param name="areProbabilities">Whether the outputs of most images are probabilities.</param>
    /// <param name="predicted">The classes that are predicted for at least one image.</param>
    public static IEnumerable<string> Caveats(bool areProbabilities, string[] predicted, ImageSet images)
    {
        if (areProbabilities)
            yield return ProbabilitiesCaveat;
        if (predicted.Length == 1 && images.Labels.ContainsAnyExcept(images.Labels[0]))
            yield return $"every image is classified as {predicted[0]}: the network is untrained, or the input normalisation is wrong";
    }

    /// <summary>The caveat if many gradients vanish.</summary>
    /// <param name="share">Fraction of images with vanished gradients.</param>
    public static IEnumerable<string> VanishedGradientCaveat(double share) => share > VanishedGradients.SuspiciousShare
        ? [string.Create(CultureInfo.InvariantCulture,
            $"cross-entropy has no gradient at {100 * share:F0} % of the images: gradient-based attacks fail there and their accuracies "
                + $"are too high (use attack autoattack, and checks)")]
        : [];

    /// <summary>Checks that all logits are finite: otherwise the gradients of attacks are NaN.</summary>
    /// <param name="logits">[n, classes].</param>
    /// <param name="ids">[n]; ids of the images, for the message.</param>
    /// <param name="network">Name of the network, for the message.</param>
    /// <param name="images">Name of the image set, for the message.</param>
    /// <exception cref="UserErrorException">A logit is infinite or NaN.</exception>
    public static void RequireFinite(float[] logits, ReadOnlySpan<int> ids, string network, string images)
    {
        int bad = Array.FindIndex(logits, value => !float.IsFinite(value));
        if (bad >= 0)
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture,
                $"{network}: image {ids[bad / (logits.Length / ids.Length)]} ({images}) has a logit of {logits[bad]}: a network without "
                    + $"finite logits cannot be evaluated"));
    }

    /// <summary>Number of rows that are probabilities: non-negative with sum 1.</summary>
    public static int CountProbabilities(float[] logits, int classes) =>
        logits.Chunk(classes).Count(row => row.All(v => v >= 0) && Math.Abs(row.Sum() - 1) < 1e-3);
}
