using Ascl.Kernels.Attack;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>
/// Auto-PGD with cross-entropy on one image and a linear model, step by step as the authors' code has it, arrays of all losses and all.
/// </summary>
internal sealed class ReferenceAutoPgd((float[] Weight, float[] Bias) model, PerturbationNorm norm, double epsilon, int steps)
{
    /// <returns>The first point that is misclassified and the iteration it is found in; null where none is.</returns>
    public (double[]? Found, int At) Attack(float[] image, float[] start, int label)
    {
        double[] x = [.. image.Select(v => (double)v)], point = [.. start.Select(v => (double)v)], before = [.. point], best = [.. point];
        var (loss, gradient, wrong) = Look(point, label);
        if (wrong)
            return (point, 0);
        double[] bestGradient = gradient, losses = new double[steps];
        double bestLoss = loss, bestAtCheck = loss, step = 2 * epsilon;
        bool wasReduced = true;
        int period = Math.Max((int)(0.22 * steps), 1);
        int least = Math.Max((int)(0.06 * steps), 1);
        int shorter = Math.Max((int)(0.03 * steps), 1);
        int since = 0;
        for (int i = 0; i < steps; i++)
        {
            double a = i > 0 ? 0.75 : 1;
            double[] momentum = [.. point.Zip(before, (p, b) => p - b)];
            double[] first = Project(x, [.. point.Zip(Direction(gradient), (p, d) => p + step * d)]);
            before = point;
            point = Project(x, [.. point.Select((p, j) => p + (first[j] - p) * a + momentum[j] * (1 - a))]);
            (loss, gradient, wrong) = Look(point, label);
            if (wrong)
                return (point, i + 1);
            losses[i] = loss;
            if (loss > bestLoss)
                (best, bestGradient, bestLoss) = (point, gradient, loss);
            if (++since < period)
                continue;
            int rises = Enumerable.Range(0, period).Count(back => losses[i - back] > (i - back > 0 ? losses[i - back - 1] : losses[^1]));
            bool isReduced = rises <= period * 0.75 || (!wasReduced && bestAtCheck >= bestLoss);
            (wasReduced, bestAtCheck) = (isReduced, bestLoss);
            if (isReduced)
                (step, point, gradient) = (step / 2, best, bestGradient);
            (since, period) = (0, Math.Max(period - shorter, least));
        }
        return (null, steps);
    }

    private double[] Direction(double[] gradient)
    {
        double length = Math.Sqrt(gradient.Sum(g => g * g)) + 1e-12;
        return norm == PerturbationNorm.Linf ? [.. gradient.Select(g => (double)Math.Sign(g))] : [.. gradient.Select(g => g / length)];
    }

    private double[] Project(double[] x, double[] z)
    {
        double length = Math.Sqrt(z.Zip(x, (a, b) => (a - b) * (a - b)).Sum());
        return [.. z.Zip(x, (a, b) => Math.Clamp(InBall(a, b), 0, 1))];

        double InBall(double a, double b) => norm == PerturbationNorm.Linf
            ? Math.Clamp(a, b - epsilon, b + epsilon)
            : b + (a - b) / (length + 1e-12) * Math.Min(epsilon, length);
    }

    private (double Loss, double[] Gradient, bool IsWrong) Look(double[] x, int label)
    {
        int classes = model.Bias.Length, pixels = x.Length;
        double[] logits = [.. model.Bias.Select((b, c) => b + x.Select((v, i) => v * model.Weight[c * pixels + i]).Sum())];
        double largest = logits.Max(), total = logits.Sum(l => Math.Exp(l - largest));
        double[] share = [.. logits.Select(l => Math.Exp(l - largest) / total)];
        double[] descent = [.. share.Select((s, c) => s - (c == label ? 1 : 0))];
        double[] gradient = [.. x.Select((_, i) => Enumerable.Range(0, classes).Sum(c => descent[c] * model.Weight[c * pixels + i]))];
        return (-Math.Log(share[label]), gradient, Array.IndexOf(logits, largest) != label);
    }
}
