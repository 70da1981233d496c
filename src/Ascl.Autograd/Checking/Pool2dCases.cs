using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Pooling, with windows that touch, overlap, leave gaps and leave pixels over.</summary>
internal static class Pool2dCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (size, stride) in new[] { (2, 2), (3, 2), (3, 1), (2, 3) })
        {
            OpInput x = inputs.Draw("x", 2, 5, 7, 8);
            string windows = $"window {size} stride {stride}, {x.Shape}";
            yield return new("max_pool2d", windows, [x], t => t[0].ToActivation().MaxPool2d(size, stride),
                v => ReferencePool2d.Max(v[0], 7, 8, size, stride));
            yield return new("max_pool2d", $"{windows}, equal values", [x.Rounded(2)],
                t => t[0].ToActivation().MaxPool2d(size, stride), v => ReferencePool2d.Max(v[0], 7, 8, size, stride))
            { Convention = (v, dy) => [ReferencePool2d.MaxBackward(v[0], dy, 7, 8, size, stride)] };
            yield return new("average_pool2d", windows, [x], t => t[0].ToActivation().AveragePool2d(size, stride),
                v => ReferencePool2d.Average(v[0], 7, 8, size, stride));
        }
        OpInput constant = inputs.Draw("x", 1, 18, 5, 4).Times(0);
        yield return new("max_pool2d", "window 2 stride 2, all values 0", [constant],
            t => t[0].ToActivation().MaxPool2d(2, 2), v => ReferencePool2d.Max(v[0], 5, 4, 2, 2))
        { Convention = (v, dy) => [ReferencePool2d.MaxBackward(v[0], dy, 5, 4, 2, 2)] };
        foreach (var (c, h, w) in new[] { (5, 3, 4), (18, 4, 4), (3, 1, 1) })
            yield return new("global_average_pool", $"[2, {c}, {h}, {w}]", [inputs.Draw("x", 2, c, h, w)],
                t => t[0].ToActivation().GlobalAveragePool(), v => [.. v[0].Chunk(h * w).Select(plane => plane.Average())]);
    }
}
