using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// Runs attacks on batches. Attacks treat each image independently, so on a CPU the batch is split and each thread runs the whole attack on
/// its slice: threads need not synchronise after each kernel, and memory access of one overlaps with computation of another.
/// </summary>
public static class AttackPieces
{
    /// <summary>Minimum number of images per slice; with fewer, it is faster to run each kernel on all threads.</summary>
    private const int FewestImages = 8;

    /// <summary>Adversarial images [N, C, H, W], within the ball around the originals and in [0, 1]. They belong to the caller's buffer
    /// scope.</summary>
    /// <param name="model">The attacked classifier.</param>
    /// <param name="batch">The original images.</param>
    /// <param name="key">Key of the random numbers; the index is each image's id.</param>
    public static Tensor Perturb(this IAttack attack, Classifier model, ImageBatch batch, RandomKey key) =>
        attack.CouplesImages ? attack.Craft(model, batch, key) : InPieces(model, batch, piece => attack.Craft(model, piece, key));

    /// <summary>The nearest adversarial images found. They belong to the caller's buffer scope.</summary>
    public static Tensor Find(this NearestAttack attack, Classifier model, ImageBatch batch, RandomKey key) =>
        InPieces(model, batch, piece => attack.Nearest(model, piece, key).Images);

    /// <summary>Applies <paramref name="craft"/> to slices of the batch in parallel and concatenates the results.</summary>
    private static Tensor InPieces(Classifier model, ImageBatch batch, Func<ImageBatch, Tensor> craft)
    {
        // One slice per thread: smaller ones that fit the cache were no faster and read the weights more often.
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
