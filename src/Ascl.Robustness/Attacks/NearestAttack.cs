using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>An attack that searches for the smallest adversarial perturbation instead of one within a given ε.</summary>
/// <param name="Name">Display name.</param>
/// <param name="Nearest">Finds the nearest adversarial image for each image, and the size of its perturbation.</param>
public sealed record NearestAttack(string Name, Func<Classifier, ImageBatch, RandomKey, (Tensor Images, float[] Sizes)> Nearest)
{
    /// <summary>The minimum-norm attacks for a norm, but for <see cref="CarliniWagnerAttack"/>: its 9,000 steps are several times the cost
    /// of the others together.</summary>
    /// <param name="epsilon">Expected size of the perturbations, at which the search for starting points begins.</param>
    public static IReadOnlyList<NearestAttack> All(PerturbationNorm norm, double epsilon)
    {
        BoundaryAttack fab = new(new(epsilon, norm));
        DeepFoolAttack deepFool = new(epsilon, norm);
        NearestAttack[] all = [new(deepFool.Name, (model, batch, _) => deepFool.Nearest(model, batch)),
            new(fab.Name, (model, batch, _) => fab.Nearest(model, batch))];
        if (norm != PerturbationNorm.Linf)
            return all;
        BrendelBethgeAttack brendelBethge = new(epsilon);
        return [.. all, new(brendelBethge.Name, (model, batch, key) => brendelBethge.Nearest(model, batch, key))];
    }

    /// <summary>The result as that of an attack within ε: images further away are replaced by the originals.</summary>
    /// <param name="nearest">The images found; changed in place.</param>
    internal static Tensor Within(double epsilon, ImageBatch batch, Tensor nearest, float[] sizes)
    {
        int[] outside = [.. sizes.Select(size => size <= epsilon ? 0 : 1)];
        AutoPgdKernels.Copy(nearest.Shape.Length / batch.Count, nearest.Device.Upload<int>(outside), batch.Images.Data, nearest.Data);
        return nearest;
    }
}
