using Ascl.Autograd;
using Ascl.Core.Diagnostics;
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
    /// <exception cref="ShapeException">The attack returns images of another shape.</exception>
    /// <exception cref="InvalidOperationException">The attack returns images of a buffer scope of its own.</exception>
    public static Tensor Perturb(this IAttack attack, Classifier model, ImageBatch batch, RandomKey key)
    {
        return attack.CouplesImages ? Crafted(batch) : InPieces(model, batch, Crafted);

        Tensor Crafted(ImageBatch piece) => Checked(attack.Name, piece.Images, attack.Craft(model, piece, key));
    }

    /// <summary>The nearest adversarial images found. They belong to the caller's buffer scope.</summary>
    public static Tensor Find(this NearestAttack attack, Classifier model, ImageBatch batch, RandomKey key) =>
        InPieces(model, batch, piece => attack.Nearest(model, piece, key).Images);

    /// <summary>What an attack returned, if it can stand for the originals.</summary>
    private static Tensor Checked(string attack, Tensor originals, Tensor? crafted)
    {
        if (crafted is null || crafted.Shape != originals.Shape || crafted.Layout != originals.Layout)
        {
            string returned = crafted is null ? "no images"
                : crafted.Shape != originals.Shape ? $"images {crafted.Shape}"
                : $"images in the layout {crafted.Layout}";
            throw new ShapeException($"attack {attack} returned {returned}; {originals.Shape} are needed, as they were given");
        }
        return crafted.IsGone
            ? throw new InvalidOperationException($"attack {attack} returned images of a buffer scope that it had ended: their memory "
                + "is that of other tensors; the result is made outside the scopes that Craft opens")
            : crafted;
    }

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
