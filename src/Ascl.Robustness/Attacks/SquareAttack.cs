using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Core.Random;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// The Square attack (Andriushchenko et al. 2020): random search with squares, kept if they lower the margin. A black-box attack on the
/// logits, so gradient masking does not stop it. An image is no longer attacked once it is misclassified.
/// </summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="queries">Queries of the network for each image.</param>
/// <param name="norm">Norm of the ball.</param>
public sealed class SquareAttack(double epsilon, int queries = 5000, PerturbationNorm norm = PerturbationNorm.Linf) : IAttack
{
    /// <summary>Fraction of the pixels that the first squares cover.</summary>
    private const double FirstShare = 0.8;

    /// <summary>Queries after which the fraction is halved. The schedule is that for 10,000 queries; as in Auto-Attack's standard version
    /// it is not rescaled for other budgets.</summary>
    private static readonly int[] Halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

    /// <inheritdoc/>
    public string Name => "Square";
    /// <inheritdoc/>
    public PerturbationNorm Norm => norm;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("queries", queries, 1);
    /// <inheritdoc/>
    public bool UsesGradients => false;
    /// <inheritdoc/>
    public bool TakesTargets => true;

    /// <summary>Fraction of the pixels that the squares of a query cover; query 0 is the first after the start.</summary>
    public static double Share(int query) => FirstShare / Math.Pow(2, Halvings.Count(halving => query > halving));

    /// <summary>Side in pixels of squares that cover a fraction of an image; in L2 it is odd and at least 3 if the image is large
    /// enough.</summary>
    public static int Side(PerturbationNorm norm, double share, int height, int width)
    {
        int side = (int)Math.Round(Math.Sqrt(share * height * width)), most = Math.Min(height, width);
        return norm == PerturbationNorm.Linf ? Math.Min(Math.Max(side, 1), most) : Math.Min(Math.Max(side, 3) | 1, (most - 1) | 1);
    }

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        Copy(batch.Images, adversarial);
        // The start uses step 0 and query q step q + 1; a restart continues with the next steps, so no random numbers repeat.
        RandomKey own = key with { Purpose = RandomPurpose.Square, Step = key.Step * (uint)(queries + 1) };
        int[] sizes = [.. batch.Images.Shape.Sizes];
        (int channels, int height, int width) = (sizes[1], sizes[2], sizes[3]);
        using IDisposable scope = model.Device.Pool.BeginScope();
        int[] indices = [.. Enumerable.Range(0, batch.Count)];
        (ImageBatch left, Tensor x, Tensor candidate) = (batch, Tensor.EmptyLike(batch.Images), Tensor.EmptyLike(batch.Images));
        if (norm == PerturbationNorm.Linf)
            SquareKernels.Stripes(channels, height, width, left.Images.Data, left.Ids, own, (float)epsilon, x.Data);
        else
            SquareL2Kernels.Tiles(channels, height, width, left.Images.Data, left.Ids, own, (float)epsilon, x.Data);
        float[] margins = Margins(model, x, left);
        for (int query = 0; query < queries; query++)
        {
            int misclassified = margins.Count(margin => margin <= 0);
            if (misclassified > 0 && (misclassified == indices.Length || misclassified * 4 >= indices.Length))
            {
                CopyMisclassified(indices, margins, x, adversarial);
                int[] remaining = [.. margins.Index().Where(m => m.Item > 0).Select(m => m.Index)];
                if (remaining.Length == 0)
                    return adversarial;
                (left, x, margins, indices) = (left.Select(remaining), ImageBatch.SelectImages(x, remaining),
                    [.. remaining.Select(i => margins[i])], [.. remaining.Select(i => indices[i])]);
                candidate = Tensor.EmptyLike(x);
            }
            int side = Side(norm, Share(query), height, width);
            using IDisposable queryScope = model.Device.Pool.BeginScope();
            RandomKey drawn = own.At(own.Step + (uint)query + 1);
            if (norm == PerturbationNorm.Linf)
                SquareKernels.Propose(channels, height, width, left.Images.Data, left.Ids, drawn, (float)epsilon, side, x.Data,
                    candidate.Data);
            else
                SquareL2Kernels.Propose(channels, height, width, left.Images.Data, left.Ids, drawn, (float)epsilon, side, x.Data,
                    candidate.Data);
            float[] proposed = Margins(model, candidate, left);
            int[] better = [.. proposed.Select((margin, i) => margins[i] > 0 && margin < margins[i] ? 1 : 0)];
            AutoPgdKernels.Copy(x.Shape.Length / indices.Length, model.Device.Upload<int>(better), candidate.Data, x.Data);
            for (int i = 0; i < better.Length; i++)
                margins[i] = better[i] == 1 ? proposed[i] : margins[i];
        }
        CopyMisclassified(indices, margins, x, adversarial);
        return adversarial;
    }

    /// <summary>The label's logit minus the largest other one, or with targets the largest other one minus the target's; at or below 0 the
    /// image is turned.</summary>
    private static float[] Margins(Classifier model, Tensor x, ImageBatch batch)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor logits = model.Forward(x, ForwardMode.Inference).Logits;
        bool[] areTurned = batch.AreTurned(logits.Predict().ToArray());
        // With tied logits the prediction decides, which is the first class.
        return [.. (batch.Targets is { } classes
            ? AttackLoss.Margin.Towards(logits, batch.Labels, classes)
            : AttackLoss.Margin.PerImage(logits, batch.Labels))
            .ToArray().Select((margin, i) => areTurned[i] ? Math.Min(-margin, 0) : Math.Max(-margin, float.Epsilon))];
    }

    private static void CopyMisclassified(int[] indices, float[] margins, Tensor x, Tensor adversarial)
    {
        int image = x.Shape.Length / indices.Length;
        foreach (var (i, index) in indices.Index())
            if (margins[i] <= 0)
                ElementwiseKernels.Copy(x.Data, i * image, adversarial.Data, index * image, image);
    }

    private static void Copy(Tensor from, Tensor to) => ElementwiseKernels.Copy(from.Data, 0, to.Data, 0, from.Shape.Length);
}
