using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Layout;

/// <summary>
/// How operands of a plain result are read: the result's dimensions, outermost first, and for each operand the distance in memory between
/// neighbours along each of them (0 where it is broadcast). Dimensions of one value are dropped, and neighbours that all operands pass in
/// one run are merged, so that kernels see as few and as long dimensions as there can be.
/// </summary>
internal sealed class StridedWalk
{
    /// <summary>The most dimensions a tensor may have.</summary>
    public const int MostDimensions = 8;

    /// <param name="sizes">Of the result.</param>
    /// <param name="strides">Of each operand, in the order of the result's dimensions.</param>
    /// <exception cref="ShapeException">There are more than <see cref="MostDimensions"/> dimensions.</exception>
    public StridedWalk(ReadOnlySpan<int> sizes, params ReadOnlySpan<int[]> strides)
    {
        List<int> merged = [];
        List<int>[] steps = [.. strides.ToArray().Select(_ => new List<int>())];
        for (int d = 0; d < sizes.Length; d++)
        {
            if (sizes[d] == 1)
                continue;
            bool goesOn = merged.Count > 0;
            for (int i = 0; i < steps.Length && goesOn; i++)
                goesOn = steps[i][^1] == (long)strides[i][d] * sizes[d];
            if (goesOn)
                merged[^1] *= sizes[d];
            else
                merged.Add(sizes[d]);
            for (int i = 0; i < steps.Length; i++)
                if (goesOn)
                    steps[i][^1] = strides[i][d];
                else
                    steps[i].Add(strides[i][d]);
        }
        if (merged.Count == 0)
        {
            merged.Add(1);
            Array.ForEach(steps, list => list.Add(0));
        }
        if (merged.Count > MostDimensions)
            throw new ShapeException($"[{string.Join(", ", sizes.ToArray())}] has too many dimensions: at most {MostDimensions}");
        (Sizes, Strides) = ([.. merged], [.. steps.Select(list => list.ToArray())]);
        Length = 1;
        foreach (int size in Sizes)
            Length = checked(Length * size);
    }

    /// <summary>The merged dimensions: at least one.</summary>
    public int[] Sizes { get; }

    /// <summary>Of each operand, in the merged dimensions.</summary>
    public int[][] Strides { get; }

    /// <summary>Values of the result.</summary>
    public int Length { get; }

    /// <summary>The size of the innermost dimension.</summary>
    public int Inner => Sizes[^1];

    /// <summary>The strides of an array of these sizes in row-major order.</summary>
    public static int[] RowMajor(ReadOnlySpan<int> sizes)
    {
        int[] strides = new int[sizes.Length];
        int step = 1;
        for (int d = sizes.Length - 1; d >= 0; d--)
        {
            strides[d] = step;
            step *= sizes[d];
        }
        return strides;
    }

    /// <summary>The strides of a plain operand of shape <paramref name="own"/> that is broadcast to <paramref name="result"/>.</summary>
    /// <exception cref="ShapeException">The shape does not broadcast to the result's.</exception>
    public static int[] Broadcast(ReadOnlySpan<int> own, ReadOnlySpan<int> result)
    {
        int[] dense = RowMajor(own), strides = new int[result.Length];
        int missing = result.Length - own.Length;
        for (int d = own.Length - 1; d >= 0; d--)
        {
            if (missing < 0 || (own[d] != 1 && own[d] != result[missing + d]))
                throw new ShapeException(
                    $"[{string.Join(", ", own.ToArray())}] does not broadcast to [{string.Join(", ", result.ToArray())}]");
            strides[missing + d] = own[d] == 1 ? 0 : dense[d];
        }
        return strides;
    }

    /// <summary>The offset of each operand at row <paramref name="row"/>, rows being runs along the innermost dimension.</summary>
    /// <param name="offsets">Receives one offset per operand.</param>
    /// <param name="at">Receives the coordinates of the row, for <see cref="Next"/>.</param>
    public void Begin(int row, Span<nint> offsets, Span<int> at)
    {
        offsets.Clear();
        for (int d = Sizes.Length - 2; d >= 0; d--)
        {
            at[d] = row % Sizes[d];
            row /= Sizes[d];
            for (int i = 0; i < offsets.Length; i++)
                offsets[i] += (nint)at[d] * Strides[i][d];
        }
    }

    /// <summary>From a row's offsets and coordinates to those of the next row.</summary>
    public void Next(Span<nint> offsets, Span<int> at)
    {
        for (int d = Sizes.Length - 2; d >= 0; d--)
        {
            at[d]++;
            for (int i = 0; i < offsets.Length; i++)
                offsets[i] += Strides[i][d];
            if (at[d] < Sizes[d])
                return;
            for (int i = 0; i < offsets.Length; i++)
                offsets[i] -= (nint)Sizes[d] * Strides[i][d];
            at[d] = 0;
        }
    }
}
