using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;

namespace Ascl.Models.Layers;

/// <summary>
/// A convolution's weights with BatchNorm in evaluation mode folded in: with s = gamma/√(running variance + ε), they are weight·s and
/// (bias − running mean)·s + beta. Computed in double precision, and again only after one of the tensors changed.
/// </summary>
internal sealed class FoldedWeights
{
    private FoldedWeights(Tensor weight, Tensor bias) => (Weight, Bias) = (weight, bias);

    public Tensor Weight { get; }
    public Tensor Bias { get; }

    /// <param name="weight">[K, C, R, S].</param>
    /// <param name="bias">[K], or null.</param>
    /// <param name="norm">The BatchNorm after the convolution, or null.</param>
    /// <param name="layer">Tells layers apart that share a weight.</param>
    public static FoldedWeights Of(Tensor weight, Tensor? bias, BatchNormState? norm, string layer = "")
    {
        Tensor?[] others = [bias, norm?.Gamma, norm?.Beta, norm?.RunningMean, norm?.RunningVariance];
        DeviceBuffer<float>[] sources = [.. others.OfType<Tensor>().Select(t => t.Data)];
        return weight.Data.Derived<FoldedWeights>($"folded {layer}", old => Folded(weight, bias, norm, old), sources);
    }

    /// <summary>Writes into the memory of the previous folded weights where there are some, because captured launches read it.</summary>
    private static FoldedWeights Folded(Tensor weight, Tensor? bias, BatchNormState? norm, FoldedWeights? old)
    {
        float[]? weights = norm is null ? null : FoldWeight(weight, norm);
        float[] biases = FoldBias(weight, bias, norm);
        if (old is null)
            return new(
                weights is null ? weight.Detach() : Tensor.FromArray(weight.Device, weight.Shape, weights),
                Tensor.FromArray(weight.Device, new(biases.Length), biases));
        if (weights is not null)
            old.Weight.Data.CopyFrom(weights);
        old.Bias.Data.CopyFrom(biases);
        return old;
    }

    private static float[] FoldWeight(Tensor weight, BatchNormState norm)
    {
        double[] scale = Scale(norm);
        float[] values = weight.ToArray();
        int filter = values.Length / scale.Length;
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(values[i] * scale[i / filter]);
        return values;
    }

    private static float[] FoldBias(Tensor weight, Tensor? bias, BatchNormState? norm)
    {
        float[] values = bias?.ToArray() ?? new float[weight.Shape[0]];
        if (norm is not null)
        {
            double[] scale = Scale(norm);
            float[] mean = norm.RunningMean.ToArray(), beta = norm.Beta.ToArray();
            for (int k = 0; k < values.Length; k++)
                values[k] = (float)((values[k] - (double)mean[k]) * scale[k] + beta[k]);
        }
        return values;
    }

    private static double[] Scale(BatchNormState norm)
    {
        float[] gamma = norm.Gamma.ToArray(), variance = norm.RunningVariance.ToArray();
        return [.. gamma.Select((g, k) => g / Math.Sqrt(variance[k] + (double)norm.Epsilon))];
    }
}
