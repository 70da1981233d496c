namespace Ascl.Autograd.Checking;

/// <summary>Losses of logits [n, k] in double precision, as [n] unless stated otherwise.</summary>
public static class ReferenceLosses
{
    /// <summary>x − log Σ exp x of each row: [n, k].</summary>
    public static double[] LogSoftmax(double[] logits, int k) => [.. logits.Chunk(k).SelectMany(row =>
    {
        double largest = row.Max(), logSum = largest + Math.Log(row.Sum(v => Math.Exp(v - largest)));
        return row.Select(v => v - logSum);
    })];

    /// <summary>−Σ target·log softmax, target = (1 − smoothing)·[c = label] + smoothing/k.</summary>
    public static double[] CrossEntropy(double[] logits, int[] labels, double smoothing = 0)
    {
        int k = logits.Length / labels.Length;
        double[] log = LogSoftmax(logits, k);
        return [.. labels.Select((label, i) => -(1 - smoothing) * log[i * k + label] - smoothing / k * log[(i * k)..((i + 1) * k)].Sum())];
    }

    /// <summary>KL(softmax a ‖ softmax b).</summary>
    public static double[] KullbackLeibler(double[] a, double[] b, int k)
    {
        double[] logP = LogSoftmax(a, k), logQ = LogSoftmax(b, k);
        return [.. logP.Select((p, i) => Math.Exp(p) * (p - logQ[i])).Chunk(k).Select(row => row.Sum())];
    }

    /// <summary>The entropy of softmax(logits).</summary>
    public static double[] Entropy(double[] logits, int k) =>
        [.. LogSoftmax(logits, k).Select(p => -Math.Exp(p) * p).Chunk(k).Select(row => row.Sum())];

    /// <summary>The class of the largest logit of each row.</summary>
    public static int[] Predict(double[] logits, int k) => [.. logits.Chunk(k).Select(row => Array.IndexOf(row, row.Max()))];
}
