using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;

namespace Ascl.Models.Layers;

/// <summary>
/// A convolution with BatchNorm's evaluation mode in its weights: with s = gamma/√(running variance + ε), weight·s and
/// (bias − running mean)·s + beta. Computed in double once after any of its sources changed.
/// </summary>
internal sealed class FoldedWeights
{
    private readonly object[] sources;

    private FoldedWeights(Tensor weight, Tensor bias, object[] sources) => (Weight, Bias, this.sources) = (weight, bias, sources);

    public Tensor Weight { get; }
    public Tensor Bias { get; }

    public static FoldedWeights Of(Tensor weight, Tensor? bias, BatchNormState? norm)
    {
        Tensor?[] tensors = [bias, norm?.Gamma, norm?.Beta, norm?.RunningMean, norm?.RunningVariance];
        object[] sources = [.. tensors.OfType<Tensor>().Select(t => Version(t.Data))];
        Holder holder = weight.Data.Derived("folded", () => new Holder());
        if (holder.Folded is null || !holder.Folded.sources.SequenceEqual(sources))
            holder.Folded = new FoldedWeights(FoldWeight(weight, norm), FoldBias(weight, bias, norm), sources);
        return holder.Folded;
    }

    /// <summary>An object that is another one after the buffer changed.</summary>
    private static object Version(DeviceBuffer<float> buffer) => buffer.Derived("version", () => new object());

    private static Tensor FoldWeight(Tensor weight, BatchNormState? norm)
    {
        if (norm is null)
            return weight.Detach();
        double[] scale = Scale(norm);
        float[] values = weight.ToArray();
        int filter = values.Length / scale.Length;
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(values[i] * scale[i / filter]);
        return Tensor.FromArray(weight.Device, weight.Shape, values);
    }

    private static Tensor FoldBias(Tensor weight, Tensor? bias, BatchNormState? norm)
    {
        float[] values = bias?.ToArray() ?? new float[weight.Shape[0]];
        if (norm is not null)
        {
            double[] scale = Scale(norm);
            float[] mean = norm.RunningMean.ToArray(), beta = norm.Beta.ToArray();
            for (int k = 0; k < values.Length; k++)
                values[k] = (float)((values[k] - (double)mean[k]) * scale[k] + beta[k]);
        }
        return Tensor.FromArray(weight.Device, new(values.Length), values);
    }

    private static double[] Scale(BatchNormState norm)
    {
        float[] gamma = norm.Gamma.ToArray(), variance = norm.RunningVariance.ToArray();
        return [.. gamma.Select((g, k) => g / Math.Sqrt(variance[k] + (double)norm.Epsilon))];
    }

    private sealed class Holder
    {
        public FoldedWeights? Folded { get; set; }
    }
}
