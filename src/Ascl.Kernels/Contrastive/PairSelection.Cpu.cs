namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Which of a tile's rows j the rows of one group select, and which select them, as 0 or 1 in one lane per row j. The "row" direction has i
/// as the anchor, the "column" direction j.
/// </summary>
internal readonly unsafe struct PairSelection<TRule>(float* memory) where TRule : struct, IPairRule
{
    public const int Length = 4 * ContrastiveCpu.Side;

    /// <summary>j ∈ P_i ∪ N_i, and j ∈ P_i.</summary>
    public float* Row { get; } = memory;
    public float* RowPositive { get; } = memory + ContrastiveCpu.Side;

    /// <summary>i ∈ P_j ∪ N_j, and i ∈ P_j.</summary>
    public float* Column { get; } = memory + 2 * ContrastiveCpu.Side;
    public float* ColumnPositive { get; } = memory + 3 * ContrastiveCpu.Side;

    /// <summary>Fills the lanes for sorted row <paramref name="i"/> (and its group) against those from <paramref name="begin"/> to
    /// <paramref name="end"/>, leaving out row <paramref name="self"/>; lanes past the end are 0.</summary>
    /// <returns>Whether anything is selected in each direction.</returns>
    public (bool Row, bool Column) Select(RowGroups rows, int i, int begin, int end, int self)
    {
        (bool anyRow, bool anyColumn) = (false, false);
        (int yi, int pi) = (rows.Labels[i], rows.Predictions[i]);
        int lane = 0;
        for (int j = begin; j < end;)
        {
            (int yj, int pj) = (rows.Labels[j], rows.Predictions[j]);
            float rowPositive = TRule.IsPositive(yi, yj, pi, pj) ? 1 : 0, columnPositive = TRule.IsPositive(yj, yi, pj, pi) ? 1 : 0;
            float row = TRule.IsNegative(yi, yj, pi, pj) ? 1 : rowPositive, column = TRule.IsNegative(yj, yi, pj, pi) ? 1 : columnPositive;
            anyRow |= row > 0;
            anyColumn |= column > 0;
            j = Math.Min(rows.EndOfGroup(j), end);
            for (; lane < j - begin; lane++)
                (Row[lane], RowPositive[lane], Column[lane], ColumnPositive[lane]) = (row, rowPositive, column, columnPositive);
        }
        for (; lane < ContrastiveCpu.Side; lane++)
            Clear(lane);
        if (self >= begin && self < end)
            Clear(self - begin);
        return (anyRow, anyColumn);
    }

    private void Clear(int lane) => Row[lane] = RowPositive[lane] = Column[lane] = ColumnPositive[lane] = 0;
}
