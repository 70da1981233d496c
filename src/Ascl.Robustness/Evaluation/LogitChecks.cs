using System.Globalization;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Robustness.Evaluation;

/// <summary>Whether a classifier's outputs are logits that attacks can work on.</summary>
public static class LogitChecks
{
    /// <summary>What is to be thought of accuracies where outputs are probabilities.</summary>
    public const string Probabilities = "the outputs are probabilities, not logits: a softmax saturates and hides what attacks look for, so robust accuracies come out too high";

    /// <summary>What is to be thought of accuracies where two passes differ.</summary>
    public const string Random = "the network is random: two passes over the same images give other outputs, so another evaluation gives other accuracies";

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
                $"{network}: image {ids[bad / (logits.Length / ids.Length)]} ({images}) has a logit of {logits[bad]}: nothing can be measured of a network whose logits are not finite"));
    }

    /// <summary>How many of the rows are probabilities: not negative, with a sum of 1.</summary>
    public static int CountProbabilities(float[] logits, int classes) => logits.Chunk(classes).Count(row => row.All(v => v >= 0) && Math.Abs(row.Sum() - 1) < 1e-3);
}
