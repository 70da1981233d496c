using System.Runtime.CompilerServices;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.AxisMaps;

/// <summary>How <see cref="AxisMap.Pad"/> fills what it adds.</summary>
public enum PadMode
{
    /// <summary>With 0.</summary>
    Constant,

    /// <summary>Mirrored at the first and last value, which are not repeated.</summary>
    Reflect,

    /// <summary>With the first and last value.</summary>
    Edge,

    /// <summary>As if the values went round in a circle.</summary>
    Wrap,
}

/// <summary>
/// A sparse matrix [Outputs × Inputs] that is applied along one axis of a tensor: y[o] = Σ over j of weight_j·x[index_j], with the entries
/// of row o in the order given. Selections, padding, pooling and interpolation along an axis are such maps, and the gradient is the
/// transposed map. Immutable; keep a map that is used again, because it keeps its transpose and its copies on devices.
/// </summary>
public sealed class AxisMap
{
    private readonly ConditionalWeakTable<Device, DeviceCopy> copies = [];
    private readonly int[] starts, indices;
    private readonly float[] weights;
    private AxisMap? transposed;

    private AxisMap(int inputs, int[] starts, int[] indices, float[] weights)
    {
        (Inputs, this.starts, this.indices, this.weights) = (inputs, starts, indices, weights);
        Runs = FindRuns();
    }

    /// <summary>The length of the axis before.</summary>
    public int Inputs { get; }

    /// <summary>The length of the axis after.</summary>
    public int Outputs => starts.Length - 1;

    /// <summary>Entries that are not 0.</summary>
    public int Entries => indices.Length;

    /// <summary>Row o has the entries Starts[o]…Starts[o + 1] − 1.</summary>
    internal ReadOnlySpan<int> Starts => starts;

    internal ReadOnlySpan<int> Indices => indices;

    internal ReadOnlySpan<float> Weights => weights;

    /// <summary>
    /// For maps that only copy (at most one entry a row, of weight 1): outputs from First on are copies of as many inputs from From on, or
    /// zeros if From is negative. Null for other maps.
    /// </summary>
    internal (int First, int From, int Count)[]? Runs { get; }

    /// <summary>The gradient's map [Inputs × Outputs].</summary>
    public AxisMap Transposed => transposed ??= Transpose();

    /// <summary>Output o is input indices[o]: selections, slices with any step, flips, repetitions.</summary>
    /// <exception cref="ShapeException">An index is not in 0…inputs − 1.</exception>
    public static AxisMap Select(int inputs, ReadOnlySpan<int> indices)
    {
        foreach (int index in indices)
            if (index < 0 || index >= inputs)
                throw new ShapeException($"axis map: index {index} of {inputs} values");
        int[] starts = [.. Enumerable.Range(0, indices.Length + 1)];
        return new(inputs, starts, indices.ToArray(), Ones(indices.Length));
    }

    /// <summary>The inputs with values added, or taken away for negative numbers, at both ends.</summary>
    /// <param name="inputs">The length of the axis.</param>
    /// <param name="before">Values added before the first.</param>
    /// <param name="after">Values added after the last.</param>
    /// <param name="mode">What is added.</param>
    /// <exception cref="ShapeException">Nothing would remain, or there is nothing to repeat.</exception>
    public static AxisMap Pad(int inputs, int before, int after, PadMode mode)
    {
        long outputs = (long)inputs + before + after;
        if (inputs < 0 || outputs < 0 || (inputs == 0 && outputs > 0 && mode != PadMode.Constant))
            throw new ShapeException($"axis map: {inputs} values cannot be padded by {before} and {after}");
        List<(int, float)[]> rows = [];
        for (int o = 0; o < outputs; o++)
        {
            int at = o - before;
            if (at < 0 || at >= inputs)
                at = mode switch
                {
                    PadMode.Edge => Math.Clamp(at, 0, inputs - 1),
                    PadMode.Wrap => Modulo(at, inputs),
                    PadMode.Reflect when inputs == 1 => 0,
                    PadMode.Reflect => inputs - 1 - Math.Abs(Modulo(at, 2 * (inputs - 1)) - (inputs - 1)),
                    _ => -1,
                };
            rows.Add(at < 0 ? [] : [(at, 1)]);
        }
        return Of(inputs, rows);
    }

    /// <summary>Sums or means of windows: separable average pooling.</summary>
    /// <param name="inputs">The length of the axis.</param>
    /// <param name="size">Values of a window.</param>
    /// <param name="stride">Distance between windows.</param>
    /// <param name="before">Padding before the first value.</param>
    /// <param name="after">Padding after the last value.</param>
    /// <param name="outputs">Number of windows; the last may reach beyond the padding.</param>
    /// <param name="average">Means instead of sums.</param>
    /// <param name="countPadding">Whether a mean's count includes padding; never what is beyond it.</param>
    public static AxisMap Windows(
        int inputs, int size, int stride, int before, int after, int outputs, bool average, bool countPadding)
    {
        if (inputs < 0 || size < 1 || stride < 1 || before < 0 || after < 0 || outputs < 0)
            throw new ShapeException($"axis map: {outputs} windows of {size}, {stride} apart, padding {before} and {after}, of {inputs}");
        (int, float)[][] rows = new (int, float)[outputs][];
        for (int o = 0; o < outputs; o++)
        {
            int start = o * stride - before, end = Math.Min(start + size, inputs + after);
            int first = Math.Max(0, start), last = Math.Min(inputs, end), count = countPadding ? end - start : last - first;
            rows[o] = [.. Enumerable.Range(first, Math.Max(0, last - first)).Select(i => (i, average ? 1f / count : 1f))];
        }
        return Of(inputs, rows);
    }

    /// <summary>Any map, such as an interpolation, by the entries of each output.</summary>
    /// <param name="inputs">The length of the axis before.</param>
    /// <param name="rows">For each output, indices of inputs and their weights.</param>
    /// <exception cref="ShapeException">An index is not in 0…inputs − 1.</exception>
    public static AxisMap Of(int inputs, IReadOnlyList<IReadOnlyList<(int Index, float Weight)>> rows)
    {
        int[] starts = new int[rows.Count + 1];
        List<int> indices = [];
        List<float> weights = [];
        for (int o = 0; o < rows.Count; o++)
        {
            foreach (var (index, weight) in rows[o])
            {
                if (index < 0 || index >= inputs)
                    throw new ShapeException($"axis map: index {index} of {inputs} values");
                if (weight == 0)
                    continue;
                indices.Add(index);
                weights.Add(weight);
            }
            starts[o + 1] = indices.Count;
        }
        return new(inputs, starts, [.. indices], [.. weights]);
    }

    /// <summary>The arrays in a device's memory, copied there once.</summary>
    internal DeviceCopy On(Device device)
    {
        lock (copies)
            return copies.GetValue(device, to => new(to.Upload<int>(starts), to.Upload<int>(indices), to.Upload<float>(weights)));
    }

    internal sealed record DeviceCopy(DeviceBuffer<int> Starts, DeviceBuffer<int> Indices, DeviceBuffer<float> Weights);

    /// <summary>Outputs × inputs.</summary>
    public override string ToString() => $"{Outputs} of {Inputs}";

    private static int Modulo(int value, int divisor) => ((value % divisor) + divisor) % divisor;

    private static float[] Ones(int length)
    {
        float[] ones = new float[length];
        Array.Fill(ones, 1);
        return ones;
    }

    private AxisMap Transpose()
    {
        int[] first = new int[Inputs + 1];
        foreach (int index in indices)
            first[index + 1]++;
        for (int i = 0; i < Inputs; i++)
            first[i + 1] += first[i];
        int[] next = first[..Inputs], rows = new int[Entries];
        float[] values = new float[Entries];
        for (int o = 0; o < Outputs; o++)
            for (int j = starts[o]; j < starts[o + 1]; j++)
            {
                int to = next[indices[j]]++;
                (rows[to], values[to]) = (o, weights[j]);
            }
        return new(Outputs, first, rows, values) { transposed = this };
    }

    private (int, int, int)[]? FindRuns()
    {
        List<(int First, int From, int Count)> runs = [];
        for (int o = 0; o < Outputs; o++)
        {
            int entries = starts[o + 1] - starts[o];
            if (entries > 1 || (entries == 1 && weights[starts[o]] != 1))
                return null;
            int from = entries == 0 ? -1 : indices[starts[o]];
            bool goesOn = runs.Count > 0 && (from < 0 ? runs[^1].From < 0 : runs[^1].From >= 0 && runs[^1].From + runs[^1].Count == from);
            if (goesOn)
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else
                runs.Add((o, from, 1));
        }
        return [.. runs];
    }
}
