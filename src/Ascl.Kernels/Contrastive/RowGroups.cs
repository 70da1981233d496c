using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The rows sorted by (prediction, label, index). Rows with equal (label, prediction) form a group: pair rules treat them alike, so
/// selections are counted and tiles skipped by group, and strategies that require equal predictions leave most tiles empty.
/// </summary>
internal sealed class RowGroups
{
    private readonly int[] starts;

    public RowGroups(ReadOnlySpan<int> labels, ReadOnlySpan<int> predictions)
    {
        int n = labels.Length;
        int[] byLabel = new int[n];
        for (int i = 0; i < n; i++)
            byLabel[i] = i;
        Order = SortStable(SortStable(byLabel, labels), predictions);
        (Labels, Predictions, Group) = (new int[n], new int[n], new int[n]);
        List<int> begins = [];
        for (int i = 0; i < n; i++)
        {
            (Labels[i], Predictions[i]) = (labels[Order[i]], predictions[Order[i]]);
            if (i == 0 || Labels[i] != Labels[i - 1] || Predictions[i] != Predictions[i - 1])
                begins.Add(i);
            Group[i] = begins.Count - 1;
        }
        begins.Add(n);
        starts = [.. begins];
    }

    /// <summary>The row at each sorted position, and its label, prediction and group.</summary>
    public int[] Order { get; }
    public int[] Labels { get; }
    public int[] Predictions { get; }
    public int[] Group { get; }

    public int Count => starts.Length - 1;

    /// <summary>The first sorted position after the group of the row at <paramref name="place"/>.</summary>
    public int EndOfGroup(int place) => starts[Group[place] + 1];

    public int Size(int group) => starts[group + 1] - starts[group];

    /// <summary>|P_i| and |N_i| of the anchors of each group.</summary>
    public (int[] Positives, int[] Negatives) CountPairs<TRule>(CpuDevice device) where TRule : struct, IPairRule
    {
        (int[] positives, int[] negatives) = (new int[Count], new int[Count]);
        device.For(Count, (g, _) =>
        {
            (int y, int p) = (Labels[starts[g]], Predictions[starts[g]]);
            (int positive, int negative) = (0, 0);
            for (int other = 0; other < Count; other++)
            {
                int j = starts[other];
                int rows = Size(other) - (other == g ? 1 : 0);
                if (TRule.IsPositive(y, Labels[j], p, Predictions[j]))
                    positive += rows;
                else if (TRule.IsNegative(y, Labels[j], p, Predictions[j]))
                    negative += rows;
            }
            (positives[g], negatives[g]) = (positive, negative);
        });
        return (positives, negatives);
    }

    /// <summary>Whether any row of one range of sorted positions selects a row of the other, or is selected by one.</summary>
    public bool AnyPair<TRule>(int begin, int end, int otherBegin, int otherEnd) where TRule : struct, IPairRule
    {
        for (int i = begin; i < end; i = EndOfGroup(i))
            for (int j = otherBegin; j < otherEnd; j = EndOfGroup(j))
            {
                (int yi, int yj, int pi, int pj) = (Labels[i], Labels[j], Predictions[i], Predictions[j]);
                if (TRule.IsPositive(yi, yj, pi, pj) || TRule.IsNegative(yi, yj, pi, pj)
                    || TRule.IsPositive(yj, yi, pj, pi) || TRule.IsNegative(yj, yi, pj, pi))
                    return true;
            }
        return false;
    }

    /// <summary>The indices sorted stably by key; by counting if the keys are dense, as class indices are.</summary>
    private static int[] SortStable(int[] indices, ReadOnlySpan<int> keys)
    {
        (int lowest, int highest) = (int.MaxValue, int.MinValue);
        foreach (int key in keys)
            (lowest, highest) = (Math.Min(lowest, key), Math.Max(highest, key));
        if ((long)highest - lowest > 4L * keys.Length + 1024)
        {
            int[] copy = keys.ToArray();
            return [.. indices.OrderBy(i => copy[i])];
        }
        int[] next = new int[highest - lowest + 2];
        foreach (int key in keys)
            next[key - lowest + 1]++;
        for (int k = 1; k < next.Length; k++)
            next[k] += next[k - 1];
        int[] sorted = new int[indices.Length];
        foreach (int i in indices)
            sorted[next[keys[i] - lowest]++] = i;
        return sorted;
    }
}
