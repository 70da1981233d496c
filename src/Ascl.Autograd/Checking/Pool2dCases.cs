using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Checking;

/// <summary>Pooling, with windows that touch, overlap, leave gaps, leave pixels over, and reach over each side of the image.</summary>
internal static class Pool2dCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (size, stride) in new[] { (2, 2), (3, 2), (3, 1), (2, 3) })
        {
            OpInput x = inputs.Draw("x", 2, 5, 7, 8);
            ReferencePool2d reference = new(7, 8, new(size, size, stride, stride));
            string windows = $"window {size} stride {stride}, {x.Shape}";
            yield return Max(windows, x, reference, t => t.MaxPool2d(size, stride));
            yield return Max($"{windows}, equal values", x.Rounded(2), reference, t => t.MaxPool2d(size, stride));
            yield return new("average_pool2d", windows, [x], t => t[0].ToActivation().AveragePool2d(size, stride),
                v => reference.Average(v[0]));
        }
        yield return Max("window 2 stride 2, all values 0", inputs.Draw("x", 1, 18, 5, 4).Times(0), new(5, 4, new(2, 2, 2, 2)),
            t => t.MaxPool2d(2, 2));
        foreach (var (c, h, w) in new[] { (5, 3, 4), (18, 4, 4), (3, 1, 1) })
            yield return new("global_average_pool", $"[2, {c}, {h}, {w}]", [inputs.Draw("x", 2, c, h, w)],
                t => t[0].ToActivation().GlobalAveragePool(), v => [.. v[0].Chunk(h * w).Select(plane => plane.Average())]);
    }

    /// <summary>n, c, h, w and windows: over each side alone, all sides, more than one pixel, rectangular, dilated, one pixel.</summary>
    private static readonly (int N, int C, int H, int W, Window2d Window)[] Windows =
    [
        (1, 8, 7, 6, new(3, 3, 2, 2, 1, 1, 1, 1)), (2, 3, 6, 7, new(3, 3, 2, 2, Top: 1)), (1, 5, 6, 7, new(3, 3, 2, 2, Left: 2)),
        (1, 12, 6, 7, new(3, 3, 2, 2, Bottom: 2)), (1, 17, 6, 7, new(3, 3, 2, 2, Right: 1)), (1, 33, 5, 4, new(2, 4, 1, 3, 0, 3, 1, 2)),
        (2, 3, 9, 8, new(3, 2, 1, 2, 2, 1, 2, 1, 2, 3)), (1, 3, 1, 1, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (1, 5, 1, 5, new(1, 5, 1, 1, 0, 4, 0, 4)), (1, 3, 8, 8, new(2, 2, 3, 3)), (1, 3, 7, 7, new(1, 1, 2, 2)),
        (1, 4, 5, 5, new(5, 5, 5, 5, 2, 2, 2, 2)),
    ];

    /// <summary>Windows with padding, and the whole image.</summary>
    public static IEnumerable<OpCase> WithPadding(CaseInputs inputs)
    {
        foreach (var (n, c, h, w, window) in Windows)
            foreach (bool ceilMode in new[] { false, true })
            {
                OpInput x = inputs.Draw("x", n, c, h, w);
                string windows = $"{window}{(ceilMode ? " up" : "")}, {x.Shape}";
                ReferencePool2d reference = new(h, w, window, ceilMode), counted = reference with { CountPadding = true };
                // Negative values show a padding that counts as 0.
                yield return Max($"{windows}, negative", x with { Values = [.. x.Values.Select(v => v - 2)] }, reference,
                    t => t.MaxPool2d(window, ceilMode));
                yield return Max($"{windows}, equal values", x.Rounded(1), reference, t => t.MaxPool2d(window, ceilMode));
                yield return new("average_pool2d", windows, [x], t => t[0].ToActivation().AveragePool2d(window, ceilMode),
                    v => reference.Average(v[0]));
                yield return new("average_pool2d", $"{windows}, padding counts", [x],
                    t => t[0].ToActivation().AveragePool2d(window, ceilMode, true), v => counted.Average(v[0]));
            }
        foreach (var (c, h, w) in new[] { (5, 3, 4), (17, 9, 2), (33, 4, 4), (3, 1, 1) })
            for (int parts = 1; parts < 100; parts += 98)
            {
                OpInput x = inputs.Draw("x", 2, c, h, w).Rounded(parts);
                ReferencePool2d whole = new(h, w, new(h, w));
                yield return new("global_max_pool", $"{x.Shape}{(parts == 1 ? ", equal values" : "")}", [x],
                    t => t[0].ToActivation().GlobalMaxPool(), v => whole.Max(v[0]))
                { Convention = (v, dy) => [whole.MaxBackward(v[0], dy)] };
            }
    }

    private static OpCase Max(string variant, OpInput x, ReferencePool2d reference, Func<Tensor, Tensor> pool) =>
        new("max_pool2d", variant, [x], t => pool(t[0].ToActivation()), v => reference.Max(v[0]))
        { Convention = (v, dy) => [reference.MaxBackward(v[0], dy)] };
}
