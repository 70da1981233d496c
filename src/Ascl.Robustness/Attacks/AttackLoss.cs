using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;
using Ascl.Kernels.Softmax;

namespace Ascl.Robustness.Attacks;

/// <summary>The loss that an attack maximises.</summary>
public enum AttackLoss
{
    /// <summary>Cross-entropy with the label.</summary>
    CrossEntropy,

    /// <summary>KL(softmax clean ‖ softmax adversarial), as in TRADES. The clean logits do not change and are computed once.</summary>
    KullbackLeibler,

    /// <summary>‖softmax clean − softmax adversarial‖², as in SCORE. The clean logits are computed once.</summary>
    SquaredError,

    /// <summary>The logit of a wrong class minus that of the label (Carlini and Wagner 2017).</summary>
    Margin,

    /// <summary>The difference of logits ratio (Croce and Hein 2020).</summary>
    Dlr,
}

/// <summary>Computes attack losses.</summary>
public static class AttackLosses
{
    /// <summary>The loss of each image, [n].</summary>
    /// <param name="clean">The clean logits, for losses that <see cref="ComparesWithClean"/>.</param>
    /// <param name="targets">Target classes of the margin losses; null for the most likely wrong class of each image.</param>
    public static Tensor PerImage(this AttackLoss loss, Tensor logits, DeviceBuffer<int> labels, Tensor? clean = null,
        DeviceBuffer<int>? targets = null) => loss switch
        {
            AttackLoss.CrossEntropy => logits.CrossEntropy(labels, 0, Reduction.None),
            AttackLoss.KullbackLeibler => clean!.KullbackLeibler(logits),
            AttackLoss.SquaredError => logits.Softmax(1).Subtract(clean!.Softmax(1)).Square().SumOver([1], keepDims: false),
            AttackLoss.Margin => logits.Margin(MarginLoss.Difference, labels, targets),
            _ => logits.Margin(MarginLoss.Ratio, labels, targets),
        };

    /// <summary>Whether the loss compares with the clean logits.</summary>
    public static bool ComparesWithClean(this AttackLoss loss) => loss is AttackLoss.KullbackLeibler or AttackLoss.SquaredError;

    /// <summary>The loss of each image, [n], towards a class of its own: the targeted form of the difference of logits ratio, otherwise the
    /// negative of the loss with that class in the place of the label.</summary>
    internal static Tensor Towards(this AttackLoss loss, Tensor logits, DeviceBuffer<int> labels, DeviceBuffer<int> classes) =>
        loss == AttackLoss.Dlr ? loss.PerImage(logits, labels, targets: classes) : loss.PerImage(logits, classes).Scale(-1);

    /// <summary>The loss itself, or the margin where the difference of logits ratio is not defined for this number of classes.</summary>
    public static AttackLoss For(this AttackLoss loss, int classes, bool isTargeted) =>
        loss == AttackLoss.Dlr && classes < MarginKernels.LeastClasses(MarginLoss.Ratio, isTargeted) ? AttackLoss.Margin : loss;
}
