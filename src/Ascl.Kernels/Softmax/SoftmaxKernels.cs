using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Softmax;

/// <summary>How the losses of the rows are reduced.</summary>
public enum Reduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Not at all: one loss per row.</summary>
    None,
}

/// <summary>
/// Softmax, losses and predictions of logits [n, k], row by row. All use x − log Σ exp x in double (on CUDA in float, with the largest
/// logit subtracted first), so that finite logits of any size give finite values.
/// </summary>
public static unsafe partial class SoftmaxKernels
{
    /// <summary>y = x − log Σ exp x.</summary>
    /// <param name="n">Rows.</param>
    /// <param name="k">Classes.</param>
    /// <param name="x">[n, k] logits.</param>
    /// <param name="y">[n, k] receives the log-probabilities.</param>
    public static void LogSoftmaxForward(int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        Check("log_softmax.forward", n, k, ("x", x.Length, n * k), ("y", y.Length, n * k));
        DeviceKernel.Run("log_softmax.forward", (n, k), 4.0 * n * k, 8.0 * n * k,
            cpu => SoftmaxCpu.LogSoftmax(cpu, n, k, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => SoftmaxCuda.LogSoftmax(cuda, n, k, x, y),
            y);
    }

    /// <summary>dx = dy − exp(y)·Σ dy.</summary>
    /// <param name="y">[n, k], the forward result.</param>
    /// <param name="dy">[n, k].</param>
    /// <param name="dx">[n, k] receives the gradient.</param>
    public static void LogSoftmaxBackward(int n, int k, DeviceBuffer<float> y, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        Check("log_softmax.backward", n, k, ("y", y.Length, n * k), ("dy", dy.Length, n * k));
        Check("log_softmax.backward", n, k, ("y", y.Length, n * k), ("dx", dx.Length, n * k));
        DeviceKernel.Run("log_softmax.backward", (n, k), 4.0 * n * k, 12.0 * n * k,
            cpu => SoftmaxCpu.LogSoftmaxBackward(cpu, n, k, CpuDevice.Pointer(y), CpuDevice.Pointer(dy), CpuDevice.Pointer(dx)),
            cuda => SoftmaxCuda.LogSoftmaxBackward(cuda, n, k, y, dy, dx),
            dx);
    }

    /// <summary>Cross-entropy of softmax x with the smoothed target (1 − ε)·[c = label] + ε/k, as in PyTorch's cross_entropy.</summary>
    /// <param name="labels">[n] in 0…k−1. A label out of range throws an <see cref="ArgumentException"/> that names the row; on CUDA it
    /// gives a loss of NaN.</param>
    /// <param name="smoothing">ε in [0, 1].</param>
    /// <param name="losses">Receives the losses [n] if the reduction is <see cref="Reduction.None"/>, else their mean or sum [1].</param>
    public static void CrossEntropyForward(
        int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> labels, float smoothing, Reduction reduction, DeviceBuffer<float> losses)
    {
        const string name = "cross_entropy.forward";
        Check(name, n, k, ("x", x.Length, n * k), ("labels", labels.Length, n));
        Check(name, n, k, ("losses", losses.Length, reduction == Reduction.None ? n : 1), ("labels", labels.Length, n));
        CheckSmoothing(name, smoothing);
        DeviceKernel.Run(name, (n, k, reduction), 4.0 * n * k, 4.0 * n * k,
            cpu => SoftmaxCpu.CrossEntropy(cpu, n, k, CpuDevice.Pointer(x), ClassLabels.Checked(name, k, labels), smoothing, reduction,
                CpuDevice.Pointer(losses)),
            cuda => SoftmaxCuda.CrossEntropy(cuda, n, k, x, labels, smoothing, reduction, losses),
            losses);
    }

    /// <summary>dx = (softmax x − target)·dLoss, divided by n for the mean.</summary>
    /// <param name="dLosses">In the shape of the forward pass's losses.</param>
    /// <param name="dx">[n, k] receives the gradient.</param>
    public static void CrossEntropyBackward(
        int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> labels, float smoothing, Reduction reduction, DeviceBuffer<float> dLosses,
        DeviceBuffer<float> dx)
    {
        const string name = "cross_entropy.backward";
        Check(name, n, k, ("x", x.Length, n * k), ("labels", labels.Length, n));
        Check(name, n, k, ("dLosses", dLosses.Length, reduction == Reduction.None ? n : 1), ("dx", dx.Length, n * k));
        CheckSmoothing(name, smoothing);
        DeviceKernel.Run(name, (n, k, reduction), 5.0 * n * k, 8.0 * n * k,
            cpu => SoftmaxCpu.CrossEntropyBackward(cpu, n, k, CpuDevice.Pointer(x), ClassLabels.Checked(name, k, labels), smoothing,
                reduction, CpuDevice.Pointer(dLosses), CpuDevice.Pointer(dx)),
            cuda => SoftmaxCuda.CrossEntropyBackward(cuda, n, k, x, labels, smoothing, reduction, dLosses, dx),
            dx);
    }

    /// <summary>KL(p ‖ q) = Σ p (log p − log q) of each row, with p = softmax a, q = softmax b.</summary>
    /// <param name="divergences">[n] receives them.</param>
    public static void KullbackLeiblerForward(int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> divergences)
    {
        const string name = "kl.forward";
        Check(name, n, k, ("a", a.Length, n * k), ("b", b.Length, n * k));
        Check(name, n, k, ("divergences", divergences.Length, n), ("b", b.Length, n * k));
        DeviceKernel.Run(name, (n, k), 8.0 * n * k, 8.0 * n * k,
            cpu => SoftmaxCpu.KullbackLeibler(cpu, n, k, CpuDevice.Pointer(a), CpuDevice.Pointer(b), CpuDevice.Pointer(divergences)),
            cuda => SoftmaxCuda.KullbackLeibler(cuda, n, k, a, b, divergences),
            divergences);
    }

    /// <summary>da = p (log p − log q − KL)·dKL.</summary>
    /// <param name="dDivergences">[n].</param>
    /// <param name="da">[n, k] receives the gradient with respect to a.</param>
    public static void KullbackLeiblerBackwardFirst(
        int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDivergences, DeviceBuffer<float> da) =>
        KullbackLeiblerBackward("kl.backward_first", n, k, a, b, dDivergences, da, SoftmaxCpu.KullbackLeiblerBackwardFirst,
            SoftmaxCuda.KullbackLeiblerBackwardFirst);

    /// <summary>db = (q − p)·dKL.</summary>
    /// <param name="dDivergences">[n].</param>
    /// <param name="db">[n, k] receives the gradient with respect to b.</param>
    public static void KullbackLeiblerBackwardSecond(
        int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDivergences, DeviceBuffer<float> db) =>
        KullbackLeiblerBackward("kl.backward_second", n, k, a, b, dDivergences, db, SoftmaxCpu.KullbackLeiblerBackwardSecond,
            SoftmaxCuda.KullbackLeiblerBackwardSecond);

    /// <summary>The mean over the rows of the entropy −Σ p log p, p = softmax x.</summary>
    /// <param name="entropy">[1] receives it.</param>
    public static void MeanEntropyForward(int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> entropy)
    {
        Check("entropy.forward", n, k, ("x", x.Length, n * k), ("entropy", entropy.Length, 1));
        DeviceKernel.Run("entropy.forward", (n, k), 5.0 * n * k, 4.0 * n * k,
            cpu => SoftmaxCpu.MeanEntropy(cpu, n, k, CpuDevice.Pointer(x), CpuDevice.Pointer(entropy)),
            cuda => SoftmaxCuda.MeanEntropy(cuda, n, k, x, entropy),
            entropy);
    }

    /// <summary>dx = −p (log p + H)·dH/n, where H is the row's entropy.</summary>
    /// <param name="dEntropy">[1].</param>
    /// <param name="dx">[n, k] receives the gradient.</param>
    public static void MeanEntropyBackward(int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> dEntropy, DeviceBuffer<float> dx)
    {
        Check("entropy.backward", n, k, ("x", x.Length, n * k), ("dx", dx.Length, n * k));
        Check("entropy.backward", n, k, ("dEntropy", dEntropy.Length, 1), ("dx", dx.Length, n * k));
        DeviceKernel.Run("entropy.backward", (n, k), 7.0 * n * k, 8.0 * n * k,
            cpu => SoftmaxCpu.MeanEntropyBackward(cpu, n, k, CpuDevice.Pointer(x), *CpuDevice.Pointer(dEntropy), CpuDevice.Pointer(dx)),
            cuda => SoftmaxCuda.MeanEntropyBackward(cuda, n, k, x, dEntropy, dx),
            dx);
    }

    /// <summary>The class of each row's largest logit, the lowest among equals; −1 if a logit is NaN.</summary>
    /// <param name="predictions">[n] receives them.</param>
    public static void Predict(int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> predictions)
    {
        Check("predict", n, k, ("x", x.Length, n * k), ("predictions", predictions.Length, n));
        DeviceKernel.Run("predict", (n, k), 0, 4.0 * n * k,
            cpu => SoftmaxCpu.Predict(cpu, n, k, CpuDevice.Pointer(x), CpuDevice.Pointer(predictions)),
            cuda => SoftmaxCuda.Predict(cuda, n, k, x, predictions),
            predictions);
    }

    /// <summary>The number of predictions [n] that equal their label.</summary>
    public static int CountCorrect(DeviceBuffer<int> predictions, DeviceBuffer<int> labels)
    {
        if (predictions.Length != labels.Length)
            throw new ShapeException($"count_correct: {predictions.Length} predictions, {labels.Length} labels");
        return DeviceKernel.ReadBack("count_correct", labels.Length, 0, 8.0 * labels.Length,
            _ => CountCorrectCpu(predictions, labels),
            cuda => SoftmaxCuda.CountCorrect(cuda, predictions, labels),
            predictions, labels);
    }

    private static int CountCorrectCpu(DeviceBuffer<int> predictions, DeviceBuffer<int> labels)
    {
        int* prediction = CpuDevice.Pointer(predictions), label = CpuDevice.Pointer(labels);
        int correct = 0;
        for (int i = 0; i < labels.Length; i++)
            correct += prediction[i] == label[i] ? 1 : 0;
        return correct;
    }

    private delegate void KullbackLeiblerGradient(CpuDevice device, int n, int k, float* a, float* b, float* dDivergences, float* gradient);

    private static void KullbackLeiblerBackward(
        string name, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDivergences,
        DeviceBuffer<float> gradient, KullbackLeiblerGradient onCpu,
        Action<CudaDevice, int, int, DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>> onCuda)
    {
        Check(name, n, k, ("a", a.Length, n * k), ("b", b.Length, n * k));
        Check(name, n, k, ("dDivergences", dDivergences.Length, n), ("gradient", gradient.Length, n * k));
        DeviceKernel.Run(name, (n, k), 10.0 * n * k, 12.0 * n * k,
            cpu => onCpu(cpu, n, k, CpuDevice.Pointer(a), CpuDevice.Pointer(b), CpuDevice.Pointer(dDivergences),
                CpuDevice.Pointer(gradient)),
            cuda => onCuda(cuda, n, k, a, b, dDivergences, gradient),
            gradient);
    }

    private static void Check(
        string name, int n, int k, (string Name, int Length, int Expected) first, (string Name, int Length, int Expected) second)
    {
        if (n < 1 || k < 1 || (long)n * k > int.MaxValue)
            throw new ShapeException($"{name}: logits [{n}, {k}] need at least one row and one class");
        foreach (var (buffer, length, expected) in new[] { first, second })
            if (length != expected)
                throw new ShapeException($"{name}: {buffer} has {length} values, logits [{n}, {k}] need {expected}");
    }

    private static void CheckSmoothing(string name, float smoothing)
    {
        if (!(smoothing >= 0 && smoothing <= 1))
            throw new ArgumentException($"{name}: label smoothing {smoothing} is not in [0, 1]");
    }
}
