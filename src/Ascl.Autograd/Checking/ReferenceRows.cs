namespace Ascl.Autograd.Checking;

/// <summary>Row operations on plain matrices, in double precision.</summary>
public static class ReferenceRows
{
    /// <summary>x·weightᵀ + bias: [N, I] to [N, O].</summary>
    public static double[] Linear(double[] x, double[] weight, double[] bias)
    {
        int outputs = bias.Length, inputs = weight.Length / outputs;
        double[] y = new double[x.Length / inputs * outputs];
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = bias[i % outputs];
            for (int k = 0; k < inputs; k++)
                y[i] += x[i / outputs * inputs + k] * weight[i % outputs * inputs + k];
        }
        return y;
    }

    /// <summary>Each row [d] divided by its L2 norm; a zero row stays zero.</summary>
    public static double[] Normalize(double[] x, int d) => [.. x.Chunk(d).SelectMany(row =>
    {
        double norm = Norm(row);
        return row.Select(v => norm == 0 ? 0 : v / norm);
    })];

    /// <summary>dx = (dy − y(y·dy))/‖x‖ for each row; zero for a zero row.</summary>
    public static double[] NormalizeBackward(double[] x, double[] dy, int d)
    {
        double[] dx = new double[x.Length];
        for (int row = 0; row < x.Length; row += d)
        {
            double norm = Norm(x[row..(row + d)]), along = 0;
            for (int k = row; k < row + d; k++)
                along += norm == 0 ? 0 : x[k] * dy[k] / norm;
            for (int k = row; k < row + d; k++)
                dx[k] = norm == 0 ? 0 : (dy[k] - x[k] / norm * along) / norm;
        }
        return dx;
    }

    private static double Norm(double[] row) => Math.Sqrt(row.Sum(v => v * v));
}
