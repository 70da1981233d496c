using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;
using static Ascl.Autograd.Checking.ReferenceWindowConv2d;

namespace Ascl.Autograd.Checking;

/// <summary>Convolutions with groups, unequal strides and padding, and dilation; transposed convolutions; padding and cropping. Channel
/// counts leave blocks of 4, 8 and 16 channels partly empty, and blocks have several groups or parts of one.</summary>
internal static class WindowConv2dCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        Window2d square = new(3, 3, 1, 1, 1, 1, 1, 1), halving = square with { StrideY = 2, StrideX = 2 };
        Window2d uneven = new(3, 3, 2, 2, 0, 0, 1, 1), dilated = new(3, 3, 1, 1, 2, 2, 2, 2, 2, 2);
        Window2d wide = new(1, 7, 1, 1, 0, 3, 0, 3), tall = new(7, 1, 1, 1, 3, 0, 3, 0), five = new(5, 5, 2, 2, 2, 2, 2, 2);
        Sizes[] convolutions =
        [
            // One group.
            new(2, 3, 5, 9, 5, wide), new(1, 5, 9, 4, 3, tall), new(1, 3, 7, 6, 18, uneven), new(1, 4, 7, 6, 5, dilated),
            new(1, 3, 8, 7, 4, new(3, 2, 2, 1, 1, 0, 0, 1)), new(1, 3, 9, 9, 4, new(3, 3, 2, 3, 2, 1, 1, 2, 3, 2)),
            new(1, 5, 6, 6, 6, square),
            // Groups of channels.
            new(1, 6, 5, 6, 10, square, 2), new(2, 20, 4, 5, 12, halving, 4), new(1, 36, 3, 4, 18, new(1, 1), 2),
            new(1, 24, 4, 4, 24, square, 6), new(1, 8, 5, 5, 12, uneven, 4), new(1, 6, 6, 5, 4, dilated, 2),
            new(1, 12, 4, 5, 36, square, 12),
            // Depthwise.
            new(2, 6, 6, 11, 6, square, 6), new(1, 19, 7, 6, 19, halving, 19), new(1, 4, 8, 7, 4, uneven, 4),
            new(1, 5, 7, 9, 5, dilated, 5), new(1, 5, 9, 8, 5, five, 5),
            new(1, 3, 9, 10, 3, new(7, 7, 1, 1, 3, 3, 3, 3), 3), new(1, 3, 4, 3, 3, new(7, 7, 1, 1, 3, 3, 3, 3), 3),
            new(1, 5, 7, 8, 5, new(3, 3, 2, 1, 1, 1, 1, 1), 5), new(1, 4, 6, 9, 4, wide, 4), new(1, 4, 9, 6, 4, tall, 4),
            new(1, 5, 9, 9, 5, new(3, 3, 2, 3, 2, 1, 1, 2, 3, 2), 5), new(1, 5, 6, 6, 10, square, 5), new(1, 3, 7, 6, 6, halving, 3),
        ];
        foreach (Sizes s in convolutions)
            yield return Convolution(s, planes: false, bias: false);
        foreach (Window2d w in new[] { wide, uneven, dilated, five, new(3, 3, 2, 1, 1, 0, 2, 1, 2, 1) })
            yield return Convolution(new(2, 3, 9, 8, 5, w), planes: true, bias: true);
        yield return Convolution(new(1, 3, 6, 7, 6, square, 3), planes: true, bias: true);
        yield return Convolution(new(1, 4, 6, 7, 6, halving, 2), planes: true, bias: false);
        foreach (Sizes s in new Sizes[] { new(2, 5, 6, 9, 5, halving, 5), new(1, 8, 5, 6, 12, square, 4), new(1, 4, 6, 6, 3, uneven) })
            foreach (bool residual in new[] { false, true })
                foreach (bool relu in new[] { false, true })
                    yield return Finished(s, residual, relu);

        // Bounded ReLUs, whose masks the next convolution's gradient applies: direct, depthwise and by Winograd's algorithm.
        yield return Bounded(new(1, 6, 5, 6, 9, new(1, 1)));
        yield return Bounded(new(2, 6, 6, 7, 6, halving, 6));
        yield return Bounded(new(1, 6, 6, 6, 5, square));

        yield return Transposed(new(2, 3, 4, 5, 4, new(2, 2, 2, 2)), 0, 0, bias: true);
        yield return Transposed(new(1, 5, 4, 3, 6, halving), 1, 0, bias: true);
        yield return Transposed(new(1, 6, 3, 4, 8, halving, 2), 1, 1, bias: false);
        yield return Transposed(new(1, 4, 4, 5, 5, square), 1, 2, bias: false);
        yield return Transposed(new(1, 5, 4, 4, 5, new(4, 4, 2, 2, 1, 1, 1, 1), 5), 0, 0, bias: true);
        yield return Transposed(new(1, 3, 4, 5, 3, new(3, 3, 2, 1, 0, 1, 1, 0, 1, 2)), 1, 0, bias: false);

        foreach (bool planes in new[] { false, true })
            foreach (var (top, left, bottom, right) in new[] { (1, 2, 0, 3), (-1, -2, -1, 0), (2, -1, -3, 1), (-2, 0, 0, -1) })
                yield return Padded(planes, top, left, bottom, right);

        OpCase Convolution(Sizes s, bool planes, bool bias)
        {
            OpInput x = inputs.Draw("x", s.N, s.C, s.H, s.W), weight = inputs.Draw("weight", WeightShape(s));
            OpInput b = inputs.Draw("bias", s.K);
            return new("conv2d", $"{Name(s)}{(bias ? ", bias" : "")}{(planes ? ", image planes" : "")}",
                bias ? [x, weight, b] : [x, weight],
                t => Image(t[0], planes).Conv2d(t[1], bias ? t[2] : null, s.Window, s.Groups),
                v => [.. Forward(v[0], v[1], s).Select((y, i) => bias ? y + v[2][i / (s.OutputH * s.OutputW) % s.K] : y)]);
        }

        OpCase Finished(Sizes s, bool residual, bool relu)
        {
            OpInput x = inputs.Draw("x", s.N, s.C, s.H, s.W), weight = inputs.Draw("weight", WeightShape(s));
            OpInput bias = inputs.Draw("bias", s.K), added = inputs.Draw("residual", s.N, s.K, s.OutputH, s.OutputW);
            return new("conv2d", $"{Name(s)}, bias{(residual ? ", residual" : "")}{(relu ? ", relu" : "")}",
                residual ? [x, weight, bias, added] : [x, weight, bias],
                t => t[0].ToActivation().Conv2d(t[1], t[2], s.Window, s.Groups, residual ? t[3].ToActivation() : null, relu),
                v => [.. Forward(v[0], v[1], s).Select((y, i) =>
                {
                    double z = y + v[2][i / (s.OutputH * s.OutputW) % s.K] + (residual ? v[3][i] : 0);
                    return relu ? Math.Max(0, z) : z;
                })]);
        }

        OpCase Bounded(Sizes s)
        {
            const float Limit = 0.4f;
            Sizes first = new(s.N, 5, s.H, s.W, s.C, new(1, 1));
            OpInput x = inputs.Draw("x", s.N, 5, s.H, s.W), narrow = inputs.Draw("weight 1", WeightShape(first));
            OpInput weight = inputs.Draw("weight 2", WeightShape(s));
            return new("conv2d", $"{Name(s)} between ReLUs up to {Limit}", [x, narrow, weight],
                t => t[0].ToActivation().Conv2d(t[1], null, first.Window, 1, relu: true, limit: Limit)
                    .Conv2d(t[2], null, s.Window, s.Groups, relu: true, limit: Limit),
                v => Clipped(Forward(Clipped(Forward(v[0], v[1], first)), v[2], s)));

            static double[] Clipped(double[] y) => [.. y.Select(z => Math.Clamp(z, 0, (double)Limit))];
        }

        // s is the op's: x [N, C, H, W] to K channels.
        OpCase Transposed(Sizes s, int paddingY, int paddingX, bool bias)
        {
            Window2d v = s.Window;
            int h = (s.H - 1) * v.StrideY + v.DilationY * (v.Height - 1) + 1 - v.Top - v.Bottom + paddingY;
            int w = (s.W - 1) * v.StrideX + v.DilationX * (v.Width - 1) + 1 - v.Left - v.Right + paddingX;
            Sizes adjoint = new(s.N, s.K, h, w, s.C, v, s.Groups) { OutputH = s.H, OutputW = s.W };
            OpInput x = inputs.Draw("x", s.N, s.C, s.H, s.W), weight = inputs.Draw("weight", WeightShape(adjoint));
            OpInput b = inputs.Draw("bias", s.K);
            return new("conv_transpose2d", $"{Name(s)}, output padding {paddingY} {paddingX}{(bias ? ", bias" : "")}",
                bias ? [x, weight, b] : [x, weight],
                t => t[0].ToActivation().ConvTranspose2d(t[1], bias ? t[2] : null, v, s.Groups, paddingY, paddingX),
                u => [.. BackwardInput(u[0], u[1], adjoint).Select((y, i) => bias ? y + u[2][i / (h * w) % s.K] : y)]);
        }

        OpCase Padded(bool planes, int top, int left, int bottom, int right)
        {
            const int N = 2, C = 5, H = 6, W = 7;
            int h = H + top + bottom, w = W + left + right;
            return new("pad2d", $"{top} {left} {bottom} {right}{(planes ? ", image planes" : "")}", [inputs.Draw("x", N, C, H, W)],
                t => Image(t[0], planes).Pad2d(top, left, bottom, right),
                v => [.. Enumerable.Range(0, N * C * h * w).Select(i =>
                {
                    int y = i / w % h - top, x = i % w - left;
                    return y >= 0 && y < H && x >= 0 && x < W ? v[0][(i / (h * w) * H + y) * W + x] : 0;
                })]);
        }
    }

    private static int[] WeightShape(Sizes s) => [s.K, s.C / s.Groups, s.Window.Height, s.Window.Width];

    private static string Name(Sizes s) =>
        $"{s.Window}{(s.Groups > 1 ? $" groups {s.Groups}" : "")}, [{s.N}, {s.C}, {s.H}, {s.W}] to {s.K}";

    private static Tensor Image(Tensor plain, bool planes) => planes ? plain.Normalize([], []) : plain.ToActivation();
}
