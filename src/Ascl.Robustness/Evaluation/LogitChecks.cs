using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>Whether a classifier's outputs are logits that attacks can work on.</summary>
public static class LogitChecks
{
    /// <summary>What is to be thought of accuracies where outputs are probabilities.</summary>
    public const string Probabilities =
        "the outputs are probabilities, not logits: a softmax saturates and hides what attacks look for, so robust accuracies come out "
            + "too high";

    /// <summary>What is to be thought of accuracies where two passes differ.</summary>
    public const string Random =
        "the network is random: two passes over the same images give other outputs, so another evaluation gives other accuracies";

    /// <summary>What is odd about the outputs for all images.</summary>
    /// <param name="areProbabilities">Of most images.</param>
    /// <param name="predicted">The classes that some image is taken for.</param>
    public static IEnumerable<string> Doubts(bool areProbabilities, string[] predicted, ImageSet images)
    {
        if (areProbabilities)
            yield return Probabilities;
        if (predicted.Length == 1 && images.Labels.ContainsAnyExcept(images.Labels[0]))
            yield return $"every image is taken for {predicted[0]}: the network has learned nothing, or its input normalisation is "
                + "another one";
    }

    /// <summary>What is to be thought of accuracies where gradients vanish.</summary>
    /// <param name="share">Of the images.</param>
    public static IEnumerable<string> Vanished(double share) => share > VanishedGradients.Many
        ? [string.Create(CultureInfo.InvariantCulture,
            $"cross-entropy has no gradient at {100 * share:F0} % of the images: attacks by gradient are blind there and their accuracies "
                + $"too high (--attack autoattack and --checks tell more)")]
        : [];

    /// <summary>An attack on logits that overflow measures nothing: its gradients are NaN.</summary>
    /// <param name="logits">[n, classes].</param>
    /// <param name="ids">[n] of the images, for the message.</param>
    /// <param name="network">Whose they are.</param>
    /// <param name="images">What the images are called.</param>
    /// <exception cref="UserErrorException">A logit is infinite or NaN.</exception>
    public static void RequireFinite(float[] logits, ReadOnlySpan<int> ids, string network, string images)
    {
        int bad = Array.FindIndex(logits, value => !float.IsFinite(value));
        if (bad >= 0)
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture,
                $"{network}: image {ids[bad / (logits.Length / ids.Length)]} ({images}) has a logit of {logits[bad]}: nothing can be "
                    + $"measured of a network whose logits are not finite"));
    }

    /// <summary>How many of the rows are probabilities: not negative, with a sum of 1.</summary>
    public static int CountProbabilities(float[] logits, int classes) =>
        logits.Chunk(classes).Count(row => row.All(v => v >= 0) && Math.Abs(row.Sum() - 1) < 1e-3);
}
