using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Convolutions by each algorithm: Winograd (3×3, stride 1, or stride 2 with padding 1; outputs of at least 3×3) and direct, with
/// channel counts that leave blocks of 4, 8 and 16 channels partly empty.</summary>
internal static class Conv2dCases
{
    /// <summary>A convolution's sizes.</summary>
    private sealed record Sizes(int N, int C, int H, int W, int K, int R, int S, int Stride, int Padding)
    {
        public (int H, int W) Output => ReferenceConv2d.OutputSize((N, C, H, W), (K, R, S), Stride, Padding);

        public double[] Reference(double[] x, double[] weight) =>
            ReferenceConv2d.Forward(x, (N, C, H, W), weight, (K, R, S), Stride, Padding);

        /// <summary>Channel of a position of the plain output.</summary>
        public int ChannelOf(int position) => position / (Output.H * Output.W) % K;

        public override string ToString() =>
            $"{R}x{S}{(Stride > 1 ? $" stride {Stride}" : "")}{(Padding > 0 ? $" padding {Padding}" : "")}, [{N}, {C}, {H}, {W}] to {K}";
    }

    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        Sizes[] activations =
        [
            new(2, 3, 6, 5, 18, 3, 3, 1, 1), new(1, 18, 9, 7, 3, 3, 3, 1, 1), new(2, 4, 7, 8, 5, 3, 3, 1, 0),
            new(1, 4, 5, 6, 3, 3, 3, 1, 2),
            new(2, 4, 2, 3, 5, 3, 3, 1, 1), new(2, 5, 7, 9, 6, 3, 3, 2, 1), new(1, 5, 6, 8, 17, 3, 3, 2, 1), new(1, 3, 8, 7, 4, 3, 3, 3, 0),
            new(1, 3, 7, 8, 5, 3, 3, 2, 0),
            new(2, 17, 4, 5, 18, 1, 1, 1, 0), new(2, 6, 5, 7, 7, 1, 1, 2, 0), new(1, 3, 7, 6, 4, 5, 5, 1, 2),
            new(2, 3, 9, 8, 4, 5, 5, 2, 0),
            new(1, 3, 6, 7, 4, 2, 3, 1, 1),
        ];
        foreach (Sizes s in activations)
            yield return Case(s, planes: false, bias: false);
        yield return Case(new(1, 5, 6, 6, 6, 3, 3, 1, 1), planes: false, bias: true);
        yield return Case(new(2, 5, 4, 3, 17, 1, 1, 1, 0), planes: false, bias: true);
        yield return Case(new(2, 3, 7, 6, 18, 3, 3, 1, 1), planes: true, bias: false);
        yield return Case(new(2, 1, 7, 8, 5, 3, 3, 1, 0), planes: true, bias: true);
        yield return Case(new(1, 3, 9, 8, 5, 5, 5, 2, 2), planes: true, bias: false);

        Sizes winograd = new(1, 5, 7, 6, 18, 3, 3, 1, 1), pointwise = new(2, 6, 5, 3, 7, 1, 1, 1, 0);
        Sizes strided = new(2, 3, 7, 6, 5, 3, 3, 2, 1);
        foreach (Sizes s in new[] { winograd, pointwise, strided })
            foreach (bool residual in new[] { false, true })
                foreach (bool relu in new[] { false, true })
                    yield return Finished(s, planes: false, residual, relu);
        yield return Finished(new(2, 3, 6, 7, 18, 3, 3, 1, 1), planes: true, residual: false, relu: true);

        OpCase Case(Sizes s, bool planes, bool bias)
        {
            OpInput x = inputs.Draw("x", s.N, s.C, s.H, s.W), weight = inputs.Draw("weight", s.K, s.C, s.R, s.S);
            OpInput b = inputs.Draw("bias", s.K);
            return new("conv2d", $"{s}{(bias ? ", bias" : "")}{(planes ? ", image planes" : "")}", bias ? [x, weight, b] : [x, weight],
                t => Image(t[0], planes).Conv2d(t[1], bias ? t[2] : null, s.Stride, s.Padding),
                v => [.. s.Reference(v[0], v[1]).Select((y, i) => bias ? y + v[2][s.ChannelOf(i)] : y)]);
        }

        OpCase Finished(Sizes s, bool planes, bool residual, bool relu)
        {
            OpInput x = inputs.Draw("x", s.N, s.C, s.H, s.W), weight = inputs.Draw("weight", s.K, s.C, s.R, s.S);
            OpInput bias = inputs.Draw("bias", s.K);
            OpInput added = inputs.Draw("residual", s.N, s.K, s.Output.H, s.Output.W);
            return new("conv2d", $"{s}, bias{(residual ? ", residual" : "")}{(relu ? ", relu" : "")}{(planes ? ", image planes" : "")}",
                residual ? [x, weight, bias, added] : [x, weight, bias],
                t => Image(t[0], planes).Conv2d(t[1], t[2], s.Stride, s.Padding, residual ? t[3].ToActivation() : null, relu),
                v => [.. s.Reference(v[0], v[1]).Select((y, i) =>
                {
                    double z = y + v[2][s.ChannelOf(i)] + (residual ? v[3][i] : 0);
                    return relu ? Math.Max(0, z) : z;
                })]);
        }
    }

    private static Tensor Image(Tensor plain, bool planes) => planes ? plain.Normalize([], []) : plain.ToActivation();
}
