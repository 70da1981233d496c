using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>
/// Ops on the channels of activations: numbers of channels that fill no block, one, several, and that part blocks elsewhere than in the
/// result; one pixel, one image.
/// </summary>
internal static class ChannelCases
{
    private static readonly int[][] Shapes =
        [[2, 3, 4, 5], [1, 5, 3, 3], [2, 8, 2, 3], [3, 12, 1, 1], [2, 17, 3, 2], [1, 33, 2, 2], [4, 1, 2, 2], [1, 16, 1, 3]];

    public static IEnumerable<OpCase> Of(CaseInputs inputs) =>
        [.. Selections(inputs), .. Arithmetic(inputs), .. Slopes(inputs), .. LayerNorms(inputs)];

    private static IEnumerable<OpCase> Selections(CaseInputs inputs)
    {
        foreach (int[] sizes in new int[][]
            { [3], [5, 3], [8, 8], [12, 12, 12, 12], [17, 33], [16, 32], [1, 1, 1, 1, 1], [16, 3, 29], [24, 12, 12] })
        {
            OpInput[] parts = Parts(2, 3, 2, sizes);
            yield return new("concat_channels", $"{string.Join(" + ", sizes)}", parts, t => ChannelOps.ConcatChannels(Activations(t)),
                v => Selected(v, 2, 6, [.. Enumerable.Range(0, sizes.Sum())]));
        }
        foreach (var (c, from, count) in new[] { (5, 2, 3), (33, 16, 17), (33, 0, 8), (48, 16, 16), (12, 5, 1), (40, 15, 18), (8, 0, 8) })
            yield return new("slice_channels", $"{from}…{from + count - 1} of {c}", Parts(2, 2, 3, [c]),
                t => t[0].ToActivation().SliceChannels(from, count), v => Selected(v, 2, 6, [.. Enumerable.Range(from, count)]));
        foreach (var (what, sizes, channels) in new (string, int[], int[])[]
        {
            ("two halves in turn", [8, 8], Interleaved(8, 2)), ("two halves of 29 in turn", [29, 29], Interleaved(29, 2)),
            ("three of 17 in turn", [51], Interleaved(17, 3)), ("backwards", [17, 5], [.. Enumerable.Range(0, 22).Reverse()]),
            ("some twice, some not", [5, 12], [3, 3, 16, 0, 5, 5, 5, 2, 16]), ("one many times", [3, 4], [.. Enumerable.Repeat(4, 37)]),
            ("every fourth", [64], [.. Enumerable.Range(0, 16).Select(c => 4 * c)]), ("at random", [33, 12], inputs.Indices(45, 45)),
            ("the last block only", [48, 3], [50, 49, 48]), ("aligned blocks in another order", [32, 16], Blocks(32, 0, 16)),
        })
            yield return new("select_channels", $"{what}, {string.Join(" + ", sizes)}", Parts(1, 2, 3, sizes),
                t => ChannelOps.SelectChannels(Activations(t), channels), v => Selected(v, 1, 6, channels));
        OpInput one = inputs.Draw("x", 2, 12, 2, 2);
        int[] twice = Interleaved(12, 2);
        yield return new("select_channels", "a part twice", [one], t =>
        {
            Tensor x = t[0].ToActivation();
            return ChannelOps.SelectChannels([x, x], twice);
        }, v => Selected([v[0], v[0]], 2, 4, twice));

        OpInput[] Parts(int n, int h, int w, int[] sizes) => [.. sizes.Select((c, i) => inputs.Draw($"part {i}", n, c, h, w))];

        static Tensor[] Activations(Tensor[] plain) => [.. plain.Select(t => t.ToActivation())];

        static int[] Interleaved(int each, int parts) => [.. Enumerable.Range(0, each * parts).Select(i => i % parts * each + i / parts)];

        static int[] Blocks(params int[] firsts) => [.. firsts.SelectMany(first => Enumerable.Range(first, 16))];
    }

    /// <summary>The selected channels of plain [n, Cₖ, pixels].</summary>
    private static double[] Selected(double[][] parts, int n, int pixels, int[] channels)
    {
        List<double> y = [];
        for (int image = 0; image < n; image++)
        {
            double[][] all = [.. parts.SelectMany(part => part.Chunk(part.Length / n).ElementAt(image).Chunk(pixels))];
            foreach (int channel in channels)
                y.AddRange(all[channel]);
        }
        return [.. y];
    }

    private static IEnumerable<OpCase> Arithmetic(CaseInputs inputs)
    {
        foreach (int[] shape in Shapes)
        {
            var (n, c, pixels) = (shape[0], shape[1], shape[2] * shape[3]);
            OpInput x = inputs.Draw("x", shape);
            foreach (int[] values in new int[][] { [c], [1, c], [n, c] })
            {
                OpInput a = inputs.Draw("factor", values), b = inputs.Draw("term", values);
                string variant = $"{x.Shape}, {a.Shape}";
                yield return new("scale_channels", variant, [x, a], t => t[0].ToActivation().ScaleChannels(t[1]),
                    v => Each(v[0], pixels, (value, at) => value * v[1][at % v[1].Length]));
                yield return new("add_channels", variant, [x, b], t => t[0].ToActivation().AddChannels(t[1]),
                    v => Each(v[0], pixels, (value, at) => value + v[1][at % v[1].Length]));
            }
            OpInput scale = inputs.Draw("scale", c), shift = inputs.Draw("shift", n, c);
            foreach (bool relu in new[] { false, true })
                yield return new("affine_channels", $"{x.Shape}{(relu ? ", relu" : "")}", [x, scale, shift],
                    t => t[0].ToActivation().AffineChannels(t[1], t[2], relu), v => Each(v[0], pixels, (value, at) =>
                    {
                        double y = value * v[1][at % c] + v[2][at];
                        return relu ? Math.Max(0, y) : y;
                    }));
        }
        // Squeeze and excite: the factor depends on x, whose gradient comes along three paths.
        OpInput both = inputs.Draw("x", 2, 5, 3, 3), gate = inputs.Draw("gate", 2, 5);
        yield return new("scale_channels", "a gate of the mean, and x itself", [both, gate], t =>
        {
            Tensor a = t[0].ToActivation();
            return a.ScaleChannels(a.GlobalAveragePool().Multiply(t[1])).Add(a);
        }, v => Each(v[0], 9, (value, at) => value * (v[0].Chunk(9).ElementAt(at).Average() * v[1][at] + 1)));
    }

    private static IEnumerable<OpCase> Slopes(CaseInputs inputs)
    {
        foreach (int[] shape in Shapes)
            foreach (int slopes in new[] { 1, shape[1] })
            {
                OpInput x = inputs.Draw("x", shape), slope = inputs.Draw("slope", slopes);
                int c = shape[1], pixels = shape[2] * shape[3];
                yield return PRelu($"{x.Shape}, {slope.Shape}", x, slope, c, pixels);
            }
        yield return PRelu("zeros", inputs.Draw("x", 2, 5, 2, 2).Rounded(1), inputs.Draw("slope", 5), 5, 4);
    }

    private static OpCase PRelu(string variant, OpInput x, OpInput slope, int c, int pixels) =>
        new("p_relu", variant, [x, slope], t => t[0].ToActivation().PRelu(t[1]),
            v => Each(v[0], pixels, (value, at) => value > 0 ? value : value * v[1][at % c % v[1].Length]))
        {
            Convention = (v, dy) =>
            {
                double[] dx = new double[dy.Length], dslope = new double[v[1].Length];
                for (int i = 0; i < dy.Length; i++)
                {
                    int k = i / pixels % c % dslope.Length;
                    dx[i] = v[0][i] > 0 ? dy[i] : dy[i] * v[1][k];
                    dslope[k] += v[0][i] > 0 ? 0 : dy[i] * v[0][i];
                }
                return [dx, dslope];
            },
        };

    private static IEnumerable<OpCase> LayerNorms(CaseInputs inputs)
    {
        foreach (int[] shape in Shapes)
        {
            var (n, c, pixels) = (shape[0], shape[1], shape[2] * shape[3]);
            OpInput x = inputs.Draw("x", shape), scale = inputs.Draw("scale", c), bias = inputs.Draw("bias", c);
            string variant = $"{x.Shape}";
            yield return new("layer_norm_channels", variant, [x, scale, bias],
                t => t[0].ToActivation().LayerNormChannels(t[1], t[2], 1e-2f), v => LayerNorm(v[0], c, pixels, v[1], v[2]));
            yield return new("layer_norm_channels", $"{variant}, without bias", [x, scale],
                t => t[0].ToActivation().LayerNormChannels(t[1], null, 1e-2f), v => LayerNorm(v[0], c, pixels, v[1], null));
            OpInput far = x with { Values = [.. x.Values.Select(value => value + 2)] };
            yield return new("layer_norm_channels", $"{variant}, bias only, mean 2", [far, bias],
                t => t[0].ToActivation().LayerNormChannels(null, t[1], 1e-2f), v => LayerNorm(v[0], c, pixels, null, v[1]));
        }
    }

    private static double[] LayerNorm(double[] x, int c, int pixels, double[]? scale, double[]? bias)
    {
        double[] y = new double[x.Length];
        for (int first = 0; first < x.Length; first += c * pixels)
            for (int p = 0; p < pixels; p++)
            {
                double[] values = [.. Enumerable.Range(0, c).Select(k => x[first + k * pixels + p])];
                double mean = values.Average(), variance = values.Average(value => (value - mean) * (value - mean));
                for (int k = 0; k < c; k++)
                    y[first + k * pixels + p] = (values[k] - mean) / Math.Sqrt(variance + 1e-2f) * (scale?[k] ?? 1) + (bias?[k] ?? 0);
            }
        return y;
    }

    /// <summary>A formula of each value and the number n·C + c of its channel.</summary>
    private static double[] Each(double[] x, int pixels, Func<double, int, double> formula) =>
        [.. x.Select((value, i) => formula(value, i / pixels))];
}
