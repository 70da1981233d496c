using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>An attack that looks for the smallest change of an image, not for one within an ε.</summary>
/// <param name="Nearest">The nearest adversarial image that it finds for each, and its size.</param>
public sealed record NearestAttack(string Name, Func<Classifier, ImageBatch, RandomKey, (Tensor Images, float[] Sizes)> Nearest)
{
    /// <summary>All there are for a norm.</summary>
    /// <param name="epsilon">A size that is expected: where the search for a start begins.</param>
    public static IReadOnlyList<NearestAttack> All(PerturbationNorm norm, double epsilon)
    {
        BoundaryAttack fab = new(new(epsilon, norm));
        NearestAttack first = new(fab.Name, (model, batch, _) => fab.Nearest(model, batch));
        if (norm != PerturbationNorm.Linf)
            return [first];
        BrendelBethgeAttack brendelBethge = new(epsilon);
        return [first, new(brendelBethge.Name, (model, batch, key) => brendelBethge.Nearest(model, batch, key))];
    }

    /// <summary>Such a search as an attack within ε: the originals take the place of images that are further away.</summary>
    /// <param name="nearest">What was found; changed in place.</param>
    internal static Tensor Within(double epsilon, ImageBatch batch, Tensor nearest, float[] sizes)
    {
        int[] outside = [.. sizes.Select(size => size <= epsilon ? 0 : 1)];
        AutoPgdKernels.Copy(nearest.Shape.Length / batch.Count, nearest.Device.Upload<int>(outside), batch.Images.Data, nearest.Data);
        return nearest;
    }
}
