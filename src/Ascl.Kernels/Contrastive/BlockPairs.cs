using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Visits every unordered pair of blocks once, in the rounds of a round-robin tournament (circle method). Within a round each block is in
/// one pair only, so a worker may add to the results of both blocks of its pair, and the order of those additions is the same for any
/// number of threads.
/// </summary>
internal static class BlockPairs
{
    /// <param name="body">(first, second, worker), first = second for a block with itself.</param>
    public static void For(CpuDevice device, int blocks, Action<int, int, int> body)
    {
        device.For(blocks, (block, worker) => body(block, block, worker));
        int players = blocks + (blocks & 1);
        int circle = players - 1;
        for (int r = 0; r < circle; r++)
        {
            int round = r;
            device.For(players / 2, (game, worker) =>
            {
                int first = game == 0 ? circle : (round + game) % circle;
                int second = (round + circle - game) % circle;
                if (Math.Max(first, second) < blocks)
                    body(first, second, worker);
            });
        }
    }
}
