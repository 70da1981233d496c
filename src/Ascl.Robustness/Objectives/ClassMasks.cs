using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Margin;

namespace Ascl.Robustness.Objectives;

/// <summary>One class of each row as a constant [n, k]: 1 at the class, else 0.</summary>
internal static class ClassMasks
{
    /// <summary>The labels.</summary>
    public static Tensor OfLabels(this Tensor logits, DeviceBuffer<int> labels) => Signs(logits, labels).Negate().Relu();

    /// <summary>The most likely class other than the label.</summary>
    public static Tensor OfMostLikelyWrong(this Tensor logits, DeviceBuffer<int> labels) => Signs(logits, labels).Relu();

    /// <summary>The sum of the probabilities [n, k] of all other classes than a mask's: [n]. It keeps the digits that 1 − p loses where p
    /// is near 1.</summary>
    public static Tensor Others(this Tensor probabilities, Tensor mask) =>
        probabilities.Multiply(mask.Negate().AddScalar(1)).SumOver([1], keepDims: false);

    /// <summary>The gradient of the margin: 1 at the most likely wrong class, −1 at the label.</summary>
    private static Tensor Signs(Tensor logits, DeviceBuffer<int> labels)
    {
        int n = logits.Shape[0], k = logits.Shape[1];
        Tensor ones = Tensor.Empty(logits.Device, new(n)), signs = Tensor.EmptyLike(logits);
        ElementwiseKernels.Fill(null, 1, ones.Data);
        MarginKernels.Backward(MarginLoss.Difference, n, k, logits.Data, labels, null, ones.Data, signs.Data);
        return signs;
    }
}
