using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Margin;

/// <summary>A thread owns a row, because there are few classes.</summary>
internal static class ProbabilityMarginCuda
{
    /// <summary>Small groups, to spread few rows over more multiprocessors.</summary>
    private const int RowsOfGroup = 64;

    public static void Forward(
        CudaDevice device, int n, int k, float own, float other, DeviceBuffer<float> logits, DeviceBuffer<int> labels,
        DeviceBuffer<float> losses) =>
        device.Launch(ProbabilityForward, Groups(n), Arguments(n, k, own, other, logits, labels) with { Losses = CudaDevice.View(losses) });

    public static void Backward(
        CudaDevice device, int n, int k, float own, float other, DeviceBuffer<float> logits, DeviceBuffer<int> labels,
        DeviceBuffer<float> dLosses, DeviceBuffer<float> dLogits) =>
        device.Launch(ProbabilityBackward, Groups(n),
            Arguments(n, k, own, other, logits, labels) with
            {
                Losses = CudaDevice.View(dLosses),
                Gradient = CudaDevice.View(dLogits),
            });

    private static KernelConfig Groups(int n) => ((n + RowsOfGroup - 1) / RowsOfGroup, RowsOfGroup);

    private static ProbabilityArguments Arguments(
        int n, int k, float own, float other, DeviceBuffer<float> logits, DeviceBuffer<int> labels) => new()
        {
            Logits = CudaDevice.View(logits),
            Labels = CudaDevice.View(labels),
            N = n,
            K = k,
            Own = own,
            Other = other,
        };

    internal struct ProbabilityArguments
    {
        public ArrayView<float> Logits, Losses, Gradient;
        public ArrayView<int> Labels;
        public int N, K;
        public float Own, Other;
    }

    internal static void ProbabilityForward(ProbabilityArguments p)
    {
        int row = Grid.GlobalIndex.X;
        if (row >= p.N)
            return;
        Shares shares = Shares.Of(p, row);
        p.Losses[row] = p.Other * shares.OfOther - p.Own * shares.OfLabel;
    }

    internal static void ProbabilityBackward(ProbabilityArguments p)
    {
        int row = Grid.GlobalIndex.X, begin = row * p.K;
        if (row >= p.N)
            return;
        Shares shares = Shares.Of(p, row);
        float dy = p.Losses[row], along = dy * p.Other * shares.OfOther, against = dy * p.Own * shares.OfLabel;
        for (int c = 0; c < p.K; c++)
        {
            float share = MathF.Exp(p.Logits[begin + c] - shares.Largest) * shares.Scale;
            p.Gradient[begin + c] = along * (c == shares.Other ? shares.RestOfOther : -share)
                - against * (c == shares.Label ? shares.RestOfLabel : -share);
        }
    }

    /// <summary>The softmax of a row; NaN for a label out of range.</summary>
    private struct Shares
    {
        public int Other, Label;
        public float Largest, Scale, OfLabel, OfOther, RestOfLabel, RestOfOther;

        public static Shares Of(ProbabilityArguments p, int row)
        {
            int begin = row * p.K, label = p.Labels[row], other = label == 0 ? 1 : 0;
            bool isClass = label >= 0 && label < p.K;
            float largest = p.Logits[begin], next = p.Logits[begin + other];
            for (int c = 1; c < p.K; c++)
            {
                float z = p.Logits[begin + c];
                largest = z > largest ? z : largest;
                if (c != label && z > next)
                    (other, next) = (c, z);
            }
            float restOfLabel = 0, restOfOther = 0, ofLabel = 0, ofOther = 0;
            for (int c = 0; c < p.K; c++)
            {
                float e = MathF.Exp(p.Logits[begin + c] - largest);
                restOfLabel += c == label ? 0 : e;
                restOfOther += c == other ? 0 : e;
                ofLabel = c == label ? e : ofLabel;
                ofOther = c == other ? e : ofOther;
            }
            float scale = isClass ? 1 / (restOfLabel + ofLabel) : float.NaN;
            return new()
            {
                Other = other,
                Label = label,
                Largest = largest,
                Scale = scale,
                OfLabel = ofLabel * scale,
                OfOther = ofOther * scale,
                RestOfLabel = restOfLabel * scale,
                RestOfOther = restOfOther * scale,
            };
        }
    }
}
