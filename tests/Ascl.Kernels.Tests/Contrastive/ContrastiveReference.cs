using Ascl.Kernels.Contrastive;

namespace Ascl.Kernels.Tests.Contrastive;

/// <summary>SPEC §1 word for word, in double, over all pairs.</summary>
internal sealed class ContrastiveReference(ContrastiveGeometry g, int[] labels, int[] predictions)
{
    public bool IsPositive(int i, int j) => i != j && labels[j] == labels[i] && (g.Strategy != SelectionStrategy.Leaked || predictions[j] == predictions[i]);

    public bool IsNegative(int i, int j) => labels[j] != labels[i] && g.Strategy switch
    {
        SelectionStrategy.Global => true,
        SelectionStrategy.Hard => predictions[j] == labels[i],
        SelectionStrategy.Merge => predictions[j] == labels[i] || predictions[j] == predictions[i],
        _ => predictions[j] == predictions[i],
    };

    public double Loss(double[] rows)
    {
        double total = 0;
        for (int i = 0; i < g.Rows; i++)
        {
            int[] positives = Others(i, IsPositive), selected = Others(i, (a, b) => IsPositive(a, b) || IsNegative(a, b));
            if (positives.Length == 0)
                continue;
            double largest = selected.Max(k => Similarity(rows, i, k));
            double logSum = largest + Math.Log(selected.Sum(k => Math.Exp(Similarity(rows, i, k) - largest)));
            total += positives.Average(j => logSum - Similarity(rows, i, j));
        }
        return total / g.Rows;
    }

    public double[] Gradient(double[] rows)
    {
        double[] gradient = new double[rows.Length];
        for (int i = 0; i < g.Rows; i++)
        {
            int[] positives = Others(i, IsPositive), selected = Others(i, (a, b) => IsPositive(a, b) || IsNegative(a, b));
            if (positives.Length == 0)
                continue;
            double largest = selected.Max(k => Similarity(rows, i, k));
            double sum = selected.Sum(k => Math.Exp(Similarity(rows, i, k) - largest));
            foreach (int j in selected)
            {
                double dSimilarity = Math.Exp(Similarity(rows, i, j) - largest) / sum - (IsPositive(i, j) ? 1.0 / positives.Length : 0);
                AddDistanceGradient(rows, i, j, -dSimilarity / g.Temperature / g.Rows, gradient);
            }
        }
        return gradient;
    }

    private int[] Others(int i, Func<int, int, bool> chosen) => [.. Enumerable.Range(0, g.Rows).Where(j => chosen(i, j))];

    private double Similarity(double[] rows, int i, int j) => -Distance(rows, i, j) / g.Temperature;

    private double Distance(double[] rows, int i, int j)
    {
        double dot = 0, l1 = 0, l2 = 0, linf = 0;
        for (int k = 0; k < g.Dimension; k++)
        {
            double u = rows[i * g.Dimension + k], v = rows[j * g.Dimension + k];
            dot += u * v;
            l1 += Math.Abs(u - v);
            l2 += (u - v) * (u - v);
            linf = Math.Max(linf, Math.Abs(u - v));
        }
        return g.Distance switch { RowDistance.Dot => -dot, RowDistance.L1 => l1, RowDistance.L2 => Math.Sqrt(l2), _ => linf };
    }

    private void AddDistanceGradient(double[] rows, int i, int j, double dDistance, double[] gradient)
    {
        double distance = Distance(rows, i, j);
        int d = g.Dimension, ties = Enumerable.Range(0, d).Count(k => Math.Abs(rows[i * d + k] - rows[j * d + k]) == distance);
        for (int k = 0; k < d; k++)
        {
            double u = rows[i * d + k], v = rows[j * d + k], difference = u - v;
            if (g.Distance == RowDistance.Dot)
            {
                gradient[i * d + k] -= dDistance * v;
                gradient[j * d + k] -= dDistance * u;
                continue;
            }
            double slope = g.Distance switch
            {
                RowDistance.L1 => Math.Sign(difference),
                RowDistance.L2 => distance == 0 ? 0 : difference / distance,
                _ => Math.Abs(difference) == distance ? Math.Sign(difference) / (double)ties : 0,
            };
            gradient[i * d + k] += dDistance * slope;
            gradient[j * d + k] -= dDistance * slope;
        }
    }
}
