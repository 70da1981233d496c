using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Tests.Conv2d;

public sealed class WinogradScheduleTests
{
    /// <summary>The 3×3 layers of ResNet-18 and ResNet-20 with 128 images.</summary>
    [Theory]
    [InlineData(8192, 36, 64, 64)]
    [InlineData(2048, 36, 128, 128)]
    [InlineData(512, 36, 256, 256)]
    [InlineData(128, 36, 512, 512)]
    [InlineData(2048, 81, 64, 128)]
    [InlineData(512, 81, 128, 256)]
    [InlineData(128, 81, 256, 512)]
    [InlineData(8192, 36, 16, 16)]
    [InlineData(2048, 36, 32, 32)]
    [InlineData(512, 36, 64, 64)]
    public void EveryThreadHasWork(int tiles, int rows, int inputs, int outputs)
    {
        foreach (int threads in new[] { 1, 2, 4, 8, 16, 64 })
            foreach (var (isStaged, block, staged, pieces, sum) in new[]
                { Numbers<F16>(tiles, rows, inputs, outputs, threads), Numbers<F8>(tiles, rows, inputs, outputs, threads) })
            {
                // Loops that end together need an item a thread: at least half of the threads have one to the end.
                int items = isStaged ? Math.Min((tiles + staged - 1) / staged, rows * pieces) : (tiles + block - 1) / block;
                Assert.True(2 * items >= Math.Min(threads, tiles / 4), $"{items} items for {threads} threads");
                // A part of the sums has one thread.
                Assert.Equal(0, isStaged ? staged % sum : block % sum);
            }
    }

    private static (bool, int, int, int, int) Numbers<F>(int tiles, int rows, int inputs, int outputs, int threads)
        where F : struct, ISimd<F>
    {
        WinogradSchedule<F> schedule = new(tiles, rows, inputs, outputs, threads);
        return (schedule.IsStaged, schedule.BlockTiles, schedule.StagedTiles, schedule.ProductPieces, schedule.SumTiles);
    }
}
