using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;
using Ascl.Kernels.Softmax;

namespace Ascl.Robustness.Attacks;

/// <summary>What an attack makes large.</summary>
public enum AttackLoss
{
    /// <summary>Cross-entropy with the label.</summary>
    CrossEntropy,

    /// <summary>KL(softmax clean ‖ softmax adversarial), TRADES' choice. The clean logits do not change and are computed once.</summary>
    KullbackLeibler,

    /// <summary>The logit of a wrong class minus that of the label (Carlini and Wagner 2017).</summary>
    Margin,

    /// <summary>The difference of logits ratio (Croce and Hein 2020).</summary>
    Dlr,
}

/// <summary>The losses' values.</summary>
public static class AttackLosses
{
    /// <summary>A value for each image: [n].</summary>
    /// <param name="clean">The clean logits, for <see cref="AttackLoss.KullbackLeibler"/>.</param>
    /// <param name="targets">For the margins: wrong classes; null for the most likely ones.</param>
    public static Tensor Each(this AttackLoss loss, Tensor logits, DeviceBuffer<int> labels, Tensor? clean = null,
        DeviceBuffer<int>? targets = null) => loss switch
        {
            AttackLoss.CrossEntropy => logits.CrossEntropy(labels, 0, Reduction.None),
            AttackLoss.KullbackLeibler => clean!.KullbackLeibler(logits),
            AttackLoss.Margin => logits.Margin(MarginLoss.Difference, labels, targets),
            _ => logits.Margin(MarginLoss.Ratio, labels, targets),
        };

    /// <summary>The loss itself where it is defined for so many classes; for a ratio that is not, the margin.</summary>
    public static AttackLoss For(this AttackLoss loss, int classes, bool isTargeted) =>
        loss == AttackLoss.Dlr && classes < MarginKernels.LeastClasses(MarginLoss.Ratio, isTargeted) ? AttackLoss.Margin : loss;
}
