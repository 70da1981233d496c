using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;

namespace Ascl.Autograd.Checking;

/// <summary>BatchNorm in both modes, alone and with what is fused into it.</summary>
internal static class BatchNormCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (BatchNormMode mode in new[] { BatchNormMode.Train, BatchNormMode.Evaluate })
        {
            foreach (bool residual in new[] { false, true })
                foreach (bool relu in new[] { false, true })
                    yield return Case(mode, 3, 5, 4, 3, residual, relu);
            yield return Case(mode, 2, 18, 3, 2, residual: true, relu: true);
            yield return Case(mode, 4, 3, 1, 1, residual: false, relu: false);
        }

        OpCase Case(BatchNormMode mode, int n, int c, int h, int w, bool residual, bool relu)
        {
            OpInput x = inputs.Draw("x", n, c, h, w), gamma = inputs.Draw("gamma", c), beta = inputs.Draw("beta", c);
            OpInput added = inputs.Draw("residual", n, c, h, w);
            float[] mean = inputs.Values(c), variance = [.. inputs.Values(c).Select(v => v + 1.5f)];
            double[] exactMean = [.. mean.Select(v => (double)v)], exactVariance = [.. variance.Select(v => (double)v)];
            return new("batch_norm",
                $"{mode.ToString().ToLowerInvariant()}, {x.Shape}{(residual ? ", residual" : "")}{(relu ? ", relu" : "")}",
                residual ? [x, gamma, beta, added] : [x, gamma, beta],
                t => t[0].ToActivation().BatchNorm(
                    new(t[1], t[2], Tensor.FromArray(t[0].Device, new(c), mean), Tensor.FromArray(t[0].Device, new(c), variance)),
                    mode, residual ? t[3].ToActivation() : null, relu),
                v =>
                {
                    double[] y = mode == BatchNormMode.Train
                        ? ReferenceBatchNorm.Train(v[0], c, h * w, v[1], v[2], 1e-5f)
                        : ReferenceBatchNorm.Evaluate(v[0], c, h * w, v[1], v[2], exactMean, exactVariance, 1e-5f);
                    for (int i = 0; i < y.Length; i++)
                    {
                        y[i] += residual ? v[3][i] : 0;
                        y[i] = relu ? Math.Max(0, y[i]) : y[i];
                    }
                    return y;
                });
        }
    }
}
