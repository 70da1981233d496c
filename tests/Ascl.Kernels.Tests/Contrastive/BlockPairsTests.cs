using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Tests.Contrastive;

public sealed class BlockPairsTests
{
    [Fact]
    public void Every_pair_comes_once_and_no_block_is_in_two_pairs_at_a_time()
    {
        using CpuDevice device = new(3);
        for (int blocks = 1; blocks <= 17; blocks++)
        {
            int[] busy = new int[blocks];
            List<(int, int)> seen = [];
            BlockPairs.For(device, blocks, (first, second, _) =>
            {
                foreach (int block in new[] { first, second }.Distinct())
                    Assert.Equal(1, Interlocked.Increment(ref busy[block]));
                Thread.SpinWait(200);
                lock (seen)
                    seen.Add((Math.Min(first, second), Math.Max(first, second)));
                foreach (int block in new[] { first, second }.Distinct())
                    Interlocked.Decrement(ref busy[block]);
            });
            Assert.Equal(Enumerable.Range(0, blocks).SelectMany(i => Enumerable.Range(i, blocks - i).Select(j => (i, j))), seen.Order());
        }
    }
}
