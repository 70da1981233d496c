using Ascl.Kernels.Contrastive;

namespace Ascl.Autograd.Checking;

/// <summary>The contrastive loss with selection (ASCL, arXiv 2101.10027) by its definition, in double precision, over all pairs.</summary>
public sealed class ReferenceContrastive(ContrastiveGeometry g, int[] labels, int[] predictions)
{
    /// <summary>Whether j ∈ P_i.</summary>
    public bool IsPositive(int i, int j) =>
        i != j && labels[j] == labels[i] && (g.Strategy.Name != "leaked" || predictions[j] == predictions[i]);

    /// <summary>Whether j ∈ N_i.</summary>
    public bool IsNegative(int i, int j) => labels[j] != labels[i] && g.Strategy.Name switch
    {
        "global" => true,
        "hard" => predictions[j] == labels[i],
        "merge" => predictions[j] == labels[i] || predictions[j] == predictions[i],
        _ => predictions[j] == predictions[i],
    };

    /// <summary>L for rows [n, d].</summary>
    public double Loss(double[] rows)
    {
        double[,] similarity = Similarities(rows);
        double total = 0;
        for (int i = 0; i < g.Rows; i++)
        {
            var (positives, _, logSum) = Anchor(similarity, i);
            if (positives.Length > 0)
                total += positives.Average(j => logSum - similarity[i, j]);
        }
        return total / g.Rows;
    }

    /// <summary>
    /// dL/d rows. Where a distance has no derivative: 0 for l1 at equal coordinates and l2 at distance 0; coordinates tied at the linf
    /// maximum share its slope evenly, and so do, where lkinf's tenth largest is tied, all that are not smaller.
    /// </summary>
    public double[] Gradient(double[] rows)
    {
        double[,] similarity = Similarities(rows);
        double[] gradient = new double[rows.Length];
        for (int i = 0; i < g.Rows; i++)
        {
            var (positives, selected, logSum) = Anchor(similarity, i);
            if (positives.Length == 0)
                continue;
            foreach (int j in selected)
            {
                double dSimilarity = Math.Exp(similarity[i, j] - logSum) - (IsPositive(i, j) ? 1.0 / positives.Length : 0);
                AddDistanceGradient(rows, i, j, -dSimilarity / g.Temperature / g.Rows, gradient);
            }
        }
        return gradient;
    }

    /// <summary>P_i, P_i ∪ N_i and log Σ exp s_ik over the latter.</summary>
    private (int[] Positives, int[] Selected, double LogSum) Anchor(double[,] similarity, int i)
    {
        int[] positives = [.. Enumerable.Range(0, g.Rows).Where(j => IsPositive(i, j))];
        int[] selected = [.. Enumerable.Range(0, g.Rows).Where(j => IsPositive(i, j) || IsNegative(i, j))];
        double largest = selected.Length == 0 ? 0 : selected.Max(k => similarity[i, k]);
        return (positives, selected, largest + Math.Log(selected.Sum(k => Math.Exp(similarity[i, k] - largest))));
    }

    private double[,] Similarities(double[] rows)
    {
        double[,] similarity = new double[g.Rows, g.Rows];
        for (int i = 0; i < g.Rows; i++)
            for (int j = 0; j < g.Rows; j++)
                similarity[i, j] = -Distance(rows, i, j) / g.Temperature;
        return similarity;
    }

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
        return g.Distance switch
        {
            RowDistance.Dot => -dot,
            RowDistance.L1 => l1,
            RowDistance.L2 => Math.Sqrt(l2),
            RowDistance.Linf => linf,
            _ => Sizes(rows, i, j).Average()
        };
    }

    /// <summary>The 10 largest |u_k − v_k|, in descending order.</summary>
    private double[] Sizes(double[] rows, int i, int j) => [.. Enumerable.Range(0, g.Dimension)
        .Select(k => Math.Abs(rows[i * g.Dimension + k] - rows[j * g.Dimension + k])).OrderDescending().Take(10)];

    private void AddDistanceGradient(double[] rows, int i, int j, double dDistance, double[] gradient)
    {
        double[] sizes = g.Distance == RowDistance.Lkinf ? Sizes(rows, i, j) : [];
        double distance = Distance(rows, i, j), edge = sizes.Length == 0 ? distance : sizes[^1];
        int d = g.Dimension, ties = 0;
        for (int k = 0; k < d; k++)
            ties += Math.Abs(rows[i * d + k] - rows[j * d + k]) >= edge ? 1 : 0;
        if (edge == 0)
            ties = Math.Max(1, sizes.Length);
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
                _ => Math.Abs(difference) >= edge ? Math.Sign(difference) / (double)ties : 0,
            };
            gradient[i * d + k] += dDistance * slope;
            gradient[j * d + k] -= dDistance * slope;
        }
    }
}
