using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// An attack: perturbs images within a norm ball so that the classifier misclassifies them. Settings that are properties with
/// <see cref="SettingAttribute"/> are checked by trainer and evaluator, and are part of a training's description.
/// </summary>
public interface IAttack
{
    /// <summary>Display name with the main settings, such as "PGD-20".</summary>
    string Name { get; }

    /// <summary>Norm of the ball.</summary>
    PerturbationNorm Norm { get; }

    /// <summary>Radius of the ball, for pixels in [0, 1].</summary>
    double Epsilon { get; }

    /// <summary>Iterations, or queries of an attack without gradients.</summary>
    int Steps { get; }

    /// <summary>Step size; null if the attack has none or adapts it.</summary>
    double? StepSize => null;

    /// <summary>Whether it needs gradients, which not every classifier provides.</summary>
    bool UsesGradients => true;

    /// <summary>Whether it leads images to the classes that <see cref="ImageBatch.Targets"/> names; otherwise it ignores them.</summary>
    bool TakesTargets => false;

    /// <summary>Whether the images of a batch influence each other, as they do through BatchNorm in training mode.</summary>
    bool CouplesImages => false;

    /// <summary>
    /// Attacks all images of a batch in one go. Callers use <see cref="AttackPieces.Perturb"/>, which may call it for several pieces of a
    /// batch at once, each on a thread of its own.
    /// </summary>
    /// <param name="model">The attacked classifier.</param>
    /// <param name="batch">The original images, which stay as they are.</param>
    /// <param name="key">Key of the random numbers; <see cref="RandomKey.For"/> an image's id gives that of the image.</param>
    /// <returns>Images in the shape and plain layout of the originals. They belong to the buffer scope of the caller: the result is made
    /// before, or outside, the scopes that the attack opens for its own steps.</returns>
    Tensor Craft(Classifier model, ImageBatch batch, RandomKey key);
}
