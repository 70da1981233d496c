using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>An attack: perturbs images within a norm ball so that the classifier misclassifies them.</summary>
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

    /// <summary>Whether the images of a batch influence each other, as they do through BatchNorm in training mode.</summary>
    bool CouplesImages => false;

    /// <summary>Attacks all images of a batch in one go. Callers use <see cref="AttackPieces.Perturb"/>.</summary>
    Tensor Craft(Classifier model, ImageBatch batch, RandomKey key);
}
