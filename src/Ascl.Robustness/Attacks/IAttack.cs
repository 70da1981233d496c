using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Something that changes images within a ball so that a classifier errs.</summary>
public interface IAttack
{
    /// <summary>What it is, with the settings that matter, as in "PGD-20".</summary>
    string Name { get; }

    /// <summary>What <see cref="Epsilon"/> measures.</summary>
    PerturbationNorm Norm { get; }

    /// <summary>Radius of the ball, of pixels in [0, 1].</summary>
    double Epsilon { get; }

    /// <summary>Iterations, or queries of an attack without gradients.</summary>
    int Steps { get; }

    /// <summary>Length of a step, where it is a setting; null where the attack finds its own.</summary>
    double? StepSize => null;

    /// <summary>Whether it asks for gradients, which not every classifier has.</summary>
    bool UsesGradients => true;

    /// <summary>Whether what becomes of an image depends on those beside it: through BatchNorm in training mode.</summary>
    bool CouplesImages => false;

    /// <summary>The attack on all images of a batch together; <see cref="AttackPieces.Perturb"/> is what to call.</summary>
    Tensor Craft(Classifier model, ImageBatch batch, RandomKey key);
}
