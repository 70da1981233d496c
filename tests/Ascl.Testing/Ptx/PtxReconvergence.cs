using System.Collections;

namespace Ascl.Testing.Ptx;

/// <summary>Immediate post-dominators: the first instruction that every path from a branch to the end passes.</summary>
internal static class PtxReconvergence
{
    /// <summary>Stands for the end of the kernel.</summary>
    public const int End = int.MaxValue;

    /// <returns>For the last instruction of each basic block, where its paths meet; meaningless for others.</returns>
    public static int[] Of(IReadOnlyList<PtxInstruction> code)
    {
        SortedSet<int> leaders = [0];
        for (int i = 0; i < code.Count; i++)
        {
            if (code[i].Flow is PtxFlow.Branch or PtxFlow.IndexedBranch or PtxFlow.Return)
                leaders.UnionWith([.. code[i].Targets, i + 1]);
        }
        int[] starts = [.. leaders.Where(at => at < code.Count)];
        int[][] successors = [.. starts.Select((_, block) => Successors(code, starts, block))];
        int end = starts.Length;
        BitArray[] dominators = [.. Enumerable.Range(0, end + 1).Select(_ => new BitArray(end + 1, true))];
        dominators[end] = new(end + 1) { [end] = true };
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int block = end - 1; block >= 0; block--)
            {
                BitArray now = new(end + 1, true);
                foreach (int next in successors[block])
                    now.And(dominators[next]);
                now[block] = true;
                changed |= ((BitArray)now.Clone()).Xor(dominators[block]).HasAnySet();
                dominators[block] = now;
            }
        }
        int[] sizes = [.. dominators.Select(set => set.Cast<bool>().Count(isSet => isSet))], meeting = new int[code.Count];
        for (int block = 0; block < end; block++)
        {
            // The nearest post-dominator is the one with the most post-dominators of its own.
            int nearest = Enumerable.Range(0, end + 1).Where(other => other != block && dominators[block][other]).DefaultIfEmpty(end)
                .MaxBy(other => sizes[other]);
            meeting[Last(code, starts, block)] = nearest == end ? End : starts[nearest];
        }
        return meeting;
    }

    private static int Last(IReadOnlyList<PtxInstruction> code, int[] starts, int block) =>
        (block + 1 < starts.Length ? starts[block + 1] : code.Count) - 1;

    private static int[] Successors(IReadOnlyList<PtxInstruction> code, int[] starts, int block)
    {
        int last = Last(code, starts, block);
        PtxInstruction instruction = code[last];
        int[] follow = [last + 1 < code.Count ? BlockOf(last + 1) : starts.Length];
        int[] taken = instruction.Flow is PtxFlow.Return ? [starts.Length] : [.. instruction.Targets.Select(BlockOf)];
        bool falls = instruction.Flow is not (PtxFlow.Branch or PtxFlow.IndexedBranch or PtxFlow.Return) || instruction.Guard >= 0;
        return falls ? [.. taken, .. follow] : taken;

        int BlockOf(int at) => Array.BinarySearch(starts, at) is var found && found >= 0 ? found : ~found - 1;
    }
}
