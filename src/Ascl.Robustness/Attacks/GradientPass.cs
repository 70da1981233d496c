using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>What an attack maximises, as a function of the logits. Losses with the same buffers are equal, so that captured work is found
/// again.</summary>
internal abstract record LogitLoss
{
    /// <summary>The loss of each image, [n].</summary>
    public abstract Tensor PerImage(Tensor logits);
}

/// <summary>One of the losses that have a name.</summary>
/// <param name="Compared">Classes that the margin losses compare the label with; null for the most likely wrong class.</param>
internal sealed record NamedLoss(AttackLoss Loss, DeviceBuffer<int> Labels, DeviceBuffer<int>? Compared) : LogitLoss
{
    public override Tensor PerImage(Tensor logits) => Loss.PerImage(logits, Labels, targets: Compared);
}

/// <summary>One of the losses that have a name, towards a class of each image.</summary>
internal sealed record TargetedLoss(AttackLoss Loss, DeviceBuffer<int> Labels, DeviceBuffer<int> Classes) : LogitLoss
{
    public override Tensor PerImage(Tensor logits) => Loss.Towards(logits, Labels, Classes);
}

/// <summary>other·p_t − own·p_y, with the label y and the most likely other class t.</summary>
internal sealed record ProbabilityLoss(float Own, float Other, DeviceBuffer<int> Labels) : LogitLoss
{
    public override Tensor PerImage(Tensor logits) => logits.ProbabilityMargin(Labels, Own, Other);
}

/// <summary>The losses and predictions at points, whose gradients it writes to a buffer.</summary>
/// <param name="Shape">[N, C, H, W].</param>
/// <param name="X">The points.</param>
/// <param name="Gradients">Receives the gradients of the losses.</param>
internal sealed record GradientPass(Classifier Model, LogitLoss Loss, Shape Shape, DeviceBuffer<float> X, DeviceBuffer<float> Gradients)
    : ICapturable<(Tensor Losses, DeviceBuffer<int> Predictions)>
{
    public (Tensor Losses, DeviceBuffer<int> Predictions) Run()
    {
        Tensor point = Tensor.Over(X, Shape, requiresGrad: true), logits = Model.Forward(point, ForwardMode.Inference).Logits;
        Tensor losses = Loss.PerImage(logits);
        WorkCount.BackwardImages += Shape[0];
        ElementwiseKernels.Copy(Gradient.Of(losses.Sum(), point)[0].Data, 0, Gradients, 0, Shape.Length);
        return (losses, logits.Predict());
    }
}
