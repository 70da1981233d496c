namespace Ascl.Testing.Ptx;

/// <summary>The threads of a group: their warps, the memory they share, and the barriers at which they wait for each other.</summary>
internal sealed class PtxBlock
{
    private readonly PtxWarp[] warps;
    private readonly bool isReversed;

    public PtxBlock(PtxKernel kernel, (int X, int Y, int Z) grid, (int X, int Y, int Z) size, byte[] arguments, PtxAccesses accesses)
    {
        (Kernel, Grid, Size, Arguments, Accesses) = (kernel, grid, size, arguments, accesses);
        Shared = new byte[kernel.SharedBytes];
        isReversed = kernel.Launches++ % 2 == 1;
        warps = [.. Enumerable.Range(0, (size.X * size.Y * size.Z + PtxWarp.Lanes - 1) / PtxWarp.Lanes)
            .Select(index => new PtxWarp(this, index))];
    }

    public PtxKernel Kernel { get; }
    public (int X, int Y, int Z) Grid { get; }
    public (int X, int Y, int Z) Size { get; }
    public byte[] Arguments { get; }
    public byte[] Shared { get; }
    public PtxAccesses Accesses { get; }

    /// <summary>Of the block in the grid.</summary>
    public (int X, int Y, int Z) Place { get; private set; }

    public int Number { get; private set; }

    /// <summary>Barriers passed: what two warps do in the same interval may happen in any order.</summary>
    public int Interval { get; private set; }

    /// <summary>
    /// Runs all threads to their end. Warps run from barrier to barrier one after another, in the other order in every second block and
    /// launch.
    /// </summary>
    public void Run(int number)
    {
        Number = number;
        Place = (number % Grid.X, number / Grid.X % Grid.Y, number / Grid.X / Grid.Y);
        Interval = 0;
        // NaN: nothing is zero that was not set.
        Shared.AsSpan().Fill(0xff);
        foreach (PtxWarp warp in warps)
            warp.Begin();
        PtxWarp[] order = (number % 2 == 1) == isReversed ? warps : [.. warps.Reverse()];
        while (true)
        {
            foreach (PtxWarp warp in order)
                warp.Run();
            PtxWarp[] waiting = [.. warps.Where(warp => warp.Paths.Count > 0)];
            if (waiting.Length == 0)
                return;
            int at = waiting[0].Paths[^1].At;
            if (waiting.Length < warps.Length || waiting.Any(warp => warp.Paths[^1].At != at))
                throw new PtxException(
                    $"{Kernel.Name}, block {number}: {warps.Length} warps do not all come to the same barrier: {Kernel.Code[at].Text}");
            PtxInstruction barrier = Kernel.Code[at];
            ulong any = barrier.Flow == PtxFlow.BarrierOr && waiting.Any(warp => Any(warp, barrier.Rows[1])) ? 1ul : 0;
            foreach (PtxWarp warp in waiting)
            {
                if (barrier.Flow == PtxFlow.BarrierOr)
                    warp.Row(barrier.Rows[0]).Fill(any);
                warp.Paths[^1] = (at + 1, warp.Paths[^1].Meeting, warp.Paths[^1].Lanes);
            }
            Interval++;
        }
    }

    private static bool Any(PtxWarp warp, int row)
    {
        Span<ulong> predicate = warp.Row(row);
        for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            if ((warp.Live >> lane & 1) != 0 && predicate[lane] != 0)
                return true;
        return false;
    }
}
