using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;

namespace Ascl.Autograd.Ops;

/// <summary>Losses of logits [n, k].</summary>
public static class LossOps
{
    /// <summary>
    /// Cross-entropy of softmax(logits) with targets (1 − smoothing)·[c = label] + smoothing/k: one value, or [n] without reduction.
    /// </summary>
    public static Tensor CrossEntropy(
        this Tensor logits, DeviceBuffer<int> labels, float smoothing = 0, Reduction reduction = Reduction.Mean)
    {
        var (n, k) = SizesOf(logits, "cross_entropy");
        Tensor loss = Tensor.Empty(logits.Device, new(reduction == Reduction.None ? n : 1));
        SoftmaxKernels.CrossEntropyForward(n, k, logits.Data, labels, smoothing, reduction, loss.Data);
        return loss.Record("cross_entropy", (logits, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(logits);
            SoftmaxKernels.CrossEntropyBackward(n, k, logits.Data, labels, smoothing, reduction, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>KL(softmax a ‖ softmax b) of each row: [n]. Differentiable in both.</summary>
    public static Tensor KullbackLeibler(this Tensor a, Tensor b)
    {
        var (n, k) = SizesOf(a, "kl");
        if (a.Shape != b.Shape)
            throw new ShapeException($"kl: logits {a.Shape} and {b.Shape} differ");
        Tensor divergences = Tensor.Empty(a.Device, new(n));
        SoftmaxKernels.KullbackLeiblerForward(n, k, a.Data, b.Data, divergences.Data);
        return divergences.Record("kl", (a, BackwardA), (b, BackwardB));

        Tensor BackwardA(Tensor dy)
        {
            Tensor da = Tensor.EmptyLike(a);
            SoftmaxKernels.KullbackLeiblerBackwardFirst(n, k, a.Data, b.Data, dy.Data, da.Data);
            return da;
        }

        Tensor BackwardB(Tensor dy)
        {
            Tensor db = Tensor.EmptyLike(b);
            SoftmaxKernels.KullbackLeiblerBackwardSecond(n, k, a.Data, b.Data, dy.Data, db.Data);
            return db;
        }
    }

    /// <summary>The mean over the rows of the entropy of softmax(logits): one value.</summary>
    public static Tensor MeanEntropy(this Tensor logits)
    {
        var (n, k) = SizesOf(logits, "entropy");
        Tensor entropy = Tensor.Empty(logits.Device, new(1));
        SoftmaxKernels.MeanEntropyForward(n, k, logits.Data, entropy.Data);
        return entropy.Record("entropy", (logits, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(logits);
            SoftmaxKernels.MeanEntropyBackward(n, k, logits.Data, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>x − log Σ exp x of each row: [n, k].</summary>
    public static Tensor LogSoftmax(this Tensor logits)
    {
        var (n, k) = SizesOf(logits, "log_softmax");
        Tensor y = Tensor.EmptyLike(logits);
        SoftmaxKernels.LogSoftmaxForward(n, k, logits.Data, y.Data);
        return y.Record("log_softmax", (logits, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(logits);
            SoftmaxKernels.LogSoftmaxBackward(n, k, y.Data, dy.Data, dx.Data);
            return dx;
        }
    }

    /// <summary>The class of each row's largest logit, the lowest among equals: [n].</summary>
    public static DeviceBuffer<int> Predict(this Tensor logits)
    {
        var (n, k) = SizesOf(logits, "predict");
        DeviceBuffer<int> predictions = logits.Device.Allocate<int>(n);
        SoftmaxKernels.Predict(n, k, logits.Data, predictions);
        return predictions;
    }

    /// <summary>The number of rows predicted as labelled; waits for the device.</summary>
    public static int CountCorrect(this Tensor logits, DeviceBuffer<int> labels) => SoftmaxKernels.CountCorrect(logits.Predict(), labels);

    private static (int N, int K) SizesOf(Tensor logits, string op) =>
        logits.Shape.Rank == 2
            ? (logits.Shape[0], logits.Shape[1])
            : throw new ShapeException($"{op}: logits [n, k] are needed, not {logits.Shape}");
}
