using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// Attacks on batches. What an attack does to an image does not depend on the images beside it, so on a CPU each thread takes runs of
/// images through the whole attack: no thread waits for another after each kernel, and while one reads memory the other computes.
/// </summary>
public static class AttackPieces
{
    /// <summary>Images of the smallest piece: with fewer, all threads rather work on each kernel together.</summary>
    private const int FewestImages = 8;

    /// <summary>Adversarial images [N, C, H, W], within the ball around the originals and in [0, 1]. They belong to the caller's buffer
    /// scope.</summary>
    /// <param name="model">Under attack.</param>
    /// <param name="batch">The originals.</param>
    /// <param name="key">Of the random choices, with each image's id as index.</param>
    public static Tensor Perturb(this IAttack attack, Classifier model, ImageBatch batch, RandomKey key) =>
        attack.CouplesImages ? attack.Craft(model, batch, key) : InPieces(model, batch, piece => attack.Craft(model, piece, key));

    /// <summary>The nearest adversarial images that a search finds. They belong to the caller's buffer scope.</summary>
    public static Tensor Find(this NearestAttack attack, Classifier model, ImageBatch batch, RandomKey key) =>
        InPieces(model, batch, piece => attack.Nearest(model, piece, key).Images);

    /// <summary>Puts together what <paramref name="craft"/> makes of runs of the images.</summary>
    private static Tensor InPieces(Classifier model, ImageBatch batch, Func<ImageBatch, Tensor> craft)
    {
        // One a thread: smaller ones, which caches hold, were no faster and ask for the weights more often.
        int pieces = model.RunsInPieces ? model.Device.PiecesAtOnce : 1;
        if (pieces == 1 || batch.Count < pieces * FewestImages)
            return craft(batch);
        Tensor all = Tensor.EmptyLike(batch.Images);
        int image = batch.Images.Shape.Length / batch.Count;
        void Craft(int piece)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            int first = batch.Count * piece / pieces;
            Tensor crafted = craft(batch.Slice(first, batch.Count * (piece + 1) / pieces - first));
            ElementwiseKernels.Copy(crafted.Data, 0, all.Data, first * image, crafted.Shape.Length);
        }
        model.Device.Independently(pieces, Craft);
        return all;
    }
}
