using System.Text.Json;
using Ascl.Distributed;

namespace Ascl.Robustness.Evaluation;

/// <summary>Totals of an attack on some images.</summary>
/// <param name="Attacked">Images attacked.</param>
/// <param name="Misclassified">Of them, images that the attack made misclassified.</param>
/// <param name="Rejected">Adversarial images outside the ball.</param>
/// <param name="Seconds">Time spent, including earlier processes.</param>
/// <param name="SecondsBefore">Of that, in earlier processes.</param>
internal sealed record AttackTally(int Attacked, int Misclassified = 0, int Rejected = 0, double Seconds = 0, double SecondsBefore = 0)
{
    public static AttackTally operator +(AttackTally a, AttackTally b) => new(a.Attacked + b.Attacked, a.Misclassified + b.Misclassified,
        a.Rejected + b.Rejected, a.Seconds + b.Seconds, a.SecondsBefore + b.SecondsBefore);
}

/// <summary>The predictions on clean images.</summary>
/// <param name="Right">For each image, whether it is classified correctly.</param>
/// <param name="Predicted">Every class that is predicted for an image.</param>
/// <param name="Probabilities">Images whose outputs are probabilities.</param>
internal sealed record CleanOutcome(bool[] Right, int[] Predicted, int Probabilities)
{
    /// <summary>The predictions of all ranks. Collective.</summary>
    public static CleanOutcome Gather(Communicator communicator, CleanOutcome own)
    {
        if (communicator.Size == 1)
            return own;
        CleanOutcome[] all = [.. communicator.Gather(JsonSerializer.Serialize(own, EvaluationJson.Default.CleanOutcome))
            .Select(text => JsonSerializer.Deserialize(text, EvaluationJson.Default.CleanOutcome)!)];
        return new([.. all.SelectMany(one => one.Right)], [.. all.SelectMany(one => one.Predicted).Distinct().Order()],
            all.Sum(one => one.Probabilities));
    }
}

/// <summary>What all attacks did to a block of images.</summary>
/// <param name="Robust">For each image of the block, whether it withstood all attacks.</param>
/// <param name="Attacks">Totals of each attack.</param>
/// <param name="LeftOut">Correctly classified images that were not attacked, because their label is their target.</param>
internal sealed record BlockOutcome(bool[] Robust, AttackTally[] Attacks, int LeftOut = 0)
{
    /// <summary>The outcomes of the blocks of all ranks. Collective.</summary>
    public static BlockOutcome[] Gather(Communicator communicator, BlockOutcome own) => communicator.Size == 1
        ? [own]
        : [.. communicator.Gather(JsonSerializer.Serialize(own, EvaluationJson.Default.BlockOutcome))
            .Select(text => JsonSerializer.Deserialize(text, EvaluationJson.Default.BlockOutcome)!)];
}
