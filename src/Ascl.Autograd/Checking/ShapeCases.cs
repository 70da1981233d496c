using Ascl.Autograd.Ops;
using Ascl.Kernels.AxisMaps;

namespace Ascl.Autograd.Checking;

/// <summary>Ops that move values, and maps along an axis.</summary>
internal static class ShapeCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (from, to) in new (int[], int[])[] { ([2, 3, 4], [4, 6]), ([1], []), ([], [1, 1]), ([5], [5]) })
            yield return new("reshape", $"[{string.Join(", ", from)}] to [{string.Join(", ", to)}]", [inputs.Draw("x", from)],
                t => t[0].Square().Reshape(new(to)), v => [.. v[0].Select(x => x * x)]);
        yield return new("reshape", "used twice", [inputs.Draw("x", 2, 6)], t => t[0].Reshape(new(3, 4)).Multiply(t[0].Reshape(new(3, 4))),
            v => [.. v[0].Select(x => x * x)]);
        yield return new("to_plain", "an activation", [inputs.Draw("x", 2, 5, 3, 4)], t => t[0].ToActivation().ToPlain(), v => v[0]);
        yield return new("to_plain", "image planes", [inputs.Draw("x", 2, 3, 4, 5)], t => t[0].Normalize([], []).ToPlain().Square(),
            v => [.. v[0].Select(x => x * x)]);
        yield return new("to_plain", "plain", [inputs.Draw("x", 2, 3)], t => t[0].ToPlain(), v => v[0]);

        foreach (var (shape, permutation) in new (int[], int[])[]
        {
            ([], []), ([7], [0]), ([3, 5], [1, 0]), ([33, 40], [1, 0]), ([2, 3, 4], [0, 2, 1]), ([2, 3, 4], [2, 1, 0]),
            ([2, 17, 3, 16], [0, 2, 1, 3]), ([2, 17, 3, 16], [0, 2, 3, 1]), ([1, 6, 1, 5], [2, 3, 0, 1]),
            ([2, 3, 2, 3, 2], [4, 1, 3, 0, 2]),
            ([2, 2, 3, 2, 2, 3], [0, 3, 4, 1, 5, 2]),
        })
            yield return new("transpose", $"[{string.Join(", ", shape)}] as {string.Join(", ", permutation)}", [inputs.Draw("x", shape)],
                t => t[0].Transpose(permutation), v => ReferenceTensors.Transpose(v[0], shape, permutation));

        foreach (var (shapes, axis) in new (int[][], int)[]
            { ([[2, 3], [4, 3]], 0), ([[2, 3, 2], [2, 1, 2], [2, 4, 2]], 1), ([[2, 3], [2, 17]], -1), ([[5]], 0), ([[2, 0], [2, 2]], 1) })
            yield return new("concat", $"{string.Join(", ", shapes.Select(s => new Shape(s)))} along {axis}",
                [.. shapes.Select((s, i) => inputs.Draw($"part {i}", s))], t => ShapeOps.Concat(t, axis), v => Concat(v, shapes, axis));
        yield return new("concat", "a tensor and itself", [inputs.Draw("x", 2, 3)], t => ShapeOps.Concat([t[0], t[0]], 1),
            v => Concat([v[0], v[0]], [[2, 3], [2, 3]], 1));

        foreach (var (from, to) in new (int[], int[])[]
            { ([3, 1], [3, 17]), ([1, 5], [4, 5]), ([], [2, 3]), ([5], [2, 3, 5]), ([2, 1, 3, 1], [2, 4, 3, 2]), ([2, 2], [2, 2]) })
            yield return new("expand", $"[{string.Join(", ", from)}] to [{string.Join(", ", to)}]", [inputs.Draw("x", from)],
                t => t[0].Expand(new(to)), v => Expanded(v[0], from, to));

        foreach (OpCase c in Maps(inputs))
            yield return c;
    }

    private static IEnumerable<OpCase> Maps(CaseInputs inputs)
    {
        (string Name, AxisMap Map, (int Index, double Weight)[][] Rows)[] maps =
        [
            ("gather", AxisMap.Select(5, [4, 0, 0, 2]), [[(4, 1)], [(0, 1)], [(0, 1)], [(2, 1)]]),
            ("slice", AxisMap.Select(5, [1, 2, 3]), [[(1, 1)], [(2, 1)], [(3, 1)]]),
            ("flip", AxisMap.Select(5, [4, 3, 2, 1, 0]), [[(4, 1)], [(3, 1)], [(2, 1)], [(1, 1)], [(0, 1)]]),
            ("pad with zeros", AxisMap.Pad(5, 1, 2, PadMode.Constant), [[], .. Range(0, 5), [], []]),
            ("crop", AxisMap.Pad(5, -1, -2, PadMode.Constant), [.. Range(1, 2)]),
            ("crop and pad", AxisMap.Pad(5, -2, 1, PadMode.Edge), [.. Range(2, 3), .. Range(4, 1)]),
            ("pad by reflection", AxisMap.Pad(5, 2, 3, PadMode.Reflect),
                [[(2, 1)], [(1, 1)], .. Range(0, 5), [(3, 1)], [(2, 1)], [(1, 1)]]),
            ("pad with the edge", AxisMap.Pad(5, 2, 1, PadMode.Edge), [[(0, 1)], [(0, 1)], .. Range(0, 5), [(4, 1)]]),
            ("pad around", AxisMap.Pad(5, 2, 1, PadMode.Wrap), [[(3, 1)], [(4, 1)], .. Range(0, 5), [(0, 1)]]),
            ("means of padded windows", AxisMap.Windows(5, 3, 2, 1, 1, 3, average: true, countPadding: true),
                [[(0, 1 / 3.0), (1, 1 / 3.0)], [(1, 1 / 3.0), (2, 1 / 3.0), (3, 1 / 3.0)], [(3, 1 / 3.0), (4, 1 / 3.0)]]),
            ("means of windows without padding", AxisMap.Windows(5, 3, 2, 1, 1, 3, average: true, countPadding: false),
                [[(0, 0.5), (1, 0.5)], [(1, 1 / 3.0), (2, 1 / 3.0), (3, 1 / 3.0)], [(3, 0.5), (4, 0.5)]]),
            ("a window beyond the padding", AxisMap.Windows(5, 2, 2, 0, 0, 3, average: true, countPadding: true),
                [[(0, 0.5), (1, 0.5)], [(2, 0.5), (3, 0.5)], [(4, 1)]]),
            ("sums of windows", AxisMap.Windows(5, 2, 1, 0, 0, 4, average: false, countPadding: false),
                [[(0, 1), (1, 1)], [(1, 1), (2, 1)], [(2, 1), (3, 1)], [(3, 1), (4, 1)]]),
            ("weights", AxisMap.Of(5, [[(0, 0.25f), (3, -0.75f)], [], [(4, 2)]]), [[(0, 0.25), (3, -0.75)], [], [(4, 2)]]),
        ];
        foreach (var (name, map, rows) in maps)
            foreach (var (shape, axis) in new (int[], int)[] { ([5], 0), ([3, 5], -1), ([2, 5, 19], 1), ([5, 2, 3], 0) })
                yield return new("map_axis", $"{name}, axis {axis} of {new Shape(shape)}", [inputs.Draw("x", shape)],
                    t => t[0].MapAxis(axis, map),
                    v => ReferenceTensors.Along(v[0], shape, axis < 0 ? axis + shape.Length : axis, rows.Length,
                        x => [.. rows.Select(row => row.Sum(e => e.Weight * x[e.Index]))]));

        static (int, double)[][] Range(int from, int count) => [.. Enumerable.Range(from, count).Select(i => new[] { (i, 1.0) })];
    }

    private static double[] Expanded(double[] x, int[] from, int[] to) =>
        [.. ReferenceTensors.Coordinates(to).Select(at => x[ReferenceTensors.Position(at, from)])];

    private static double[] Concat(double[][] parts, int[][] shapes, int axis)
    {
        axis = axis < 0 ? axis + shapes[0].Length : axis;
        int[] sizes = [.. shapes[0]];
        sizes[axis] = shapes.Sum(s => s[axis]);
        return [.. ReferenceTensors.Coordinates(sizes).Select(at =>
        {
            int part = 0, own = at[axis];
            while (own >= shapes[part][axis])
                own -= shapes[part++][axis];
            return parts[part][ReferenceTensors.Position([.. at.Select((c, d) => d == axis ? own : c)], shapes[part])];
        })];
    }
}
