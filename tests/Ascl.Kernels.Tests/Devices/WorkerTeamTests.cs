using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Tests.Devices;

public sealed class WorkerTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void EveryItemRunsOnce(int threads)
    {
        using CpuDevice device = new(threads);
        foreach (int items in new[] { 0, 1, 2, 3, 17, 1000 })
        {
            int[] runs = new int[items];
            device.For(items, (item, worker) =>
            {
                Assert.InRange(worker, 0, threads - 1);
                Interlocked.Increment(ref runs[item]);
            });
            Assert.All(runs, n => Assert.Equal(1, n));
        }
    }

    /// <summary>Each thread in its own half of the items: the same in every loop.</summary>
    [Fact]
    public void AThreadBeginsWithItsOwnRange()
    {
        using CpuDevice device = new(2);
        for (int loop = 0; loop < 20; loop++)
        {
            int[] first = [-1, -1];
            using CountdownEvent bothHaveBegun = new(2);
            device.For(10, (item, worker) =>
            {
                if (first[worker] >= 0)
                    return;
                first[worker] = item;
                bothHaveBegun.Signal();
                bothHaveBegun.Wait();
            });
            Assert.Equal([0, 5], first);
        }
    }

    /// <summary>The caller's thread is held up in its first item until all others are done.</summary>
    [Fact]
    public void OtherThreadsTakeOverRemainingItems()
    {
        using CpuDevice device = new(3);
        using CountdownEvent others = new(29);
        device.For(30, (item, _) =>
        {
            if (item == 0)
                others.Wait();
            else
                others.Signal();
        });
        Assert.True(others.IsSet);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void ManySmallLoopsTerminate(int threads)
    {
        using CpuDevice device = new(threads);
        long total = 0;
        for (int loop = 0; loop < 100_000; loop++)
            device.For(3, (item, _) => Interlocked.Add(ref total, item));
        Assert.Equal(300_000, total);
    }

    /// <summary>With pauses between them, so that the helpers fall asleep and must be woken.</summary>
    [Fact]
    public void SleepingHelpersDoNotLoseWork()
    {
        using CpuDevice device = new(3);
        for (int loop = 0; loop < 30; loop++)
        {
            Thread.Sleep(loop % 7);
            int runs = 0;
            device.For(50, (_, _) => Interlocked.Increment(ref runs));
            Assert.Equal(50, runs);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void AnExceptionReachesTheCallerAndTheTeamGoesOn(int threads)
    {
        using CpuDevice device = new(threads);
        for (int failing = 0; failing < 20; failing++)
        {
            var thrown = Assert.Throws<InvalidOperationException>(() => device.For(20, (item, _) =>
            {
                if (item == failing)
                    throw new InvalidOperationException($"item {item}");
            }));
            Assert.Equal($"item {failing}", thrown.Message);
            int runs = 0;
            device.For(20, (_, _) => Interlocked.Increment(ref runs));
            Assert.Equal(20, runs);
        }
    }

    /// <summary>Thrown on a helper's thread while the caller's own is held up.</summary>
    [Fact]
    public void AHelpersExceptionReachesTheCaller()
    {
        using CpuDevice device = new(2);
        int caller = Environment.CurrentManagedThreadId;
        using ManualResetEventSlim helperThrew = new();
        Assert.Throws<InvalidOperationException>(() => device.For(2, (_, _) =>
        {
            if (Environment.CurrentManagedThreadId == caller)
            {
                helperThrew.Wait();
                return;
            }
            helperThrew.Set();
            throw new InvalidOperationException("in a helper");
        }));
    }

    /// <summary>
    /// A loop inside an item runs on the item's own thread, with that thread's worker number: two threads never share scratch memory.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public unsafe void NestedLoopsKeepToTheirWorkersScratch(int threads)
    {
        using CpuDevice device = new(threads);
        int[] runs = new int[threads * 8 * 5];
        int foreign = 0;
        device.For(threads * 8, (item, outer) => device.For(5, (inner, worker) =>
        {
            float* scratch = device.Scratch(worker, 64);
            scratch[0] = item;
            Thread.SpinWait(2000);
            if (worker != outer || scratch[0] != item)
                Interlocked.Increment(ref foreign);
            Interlocked.Increment(ref runs[item * 5 + inner]);
        }));
        Assert.Equal(0, foreign);
        Assert.All(runs, n => Assert.Equal(1, n));
    }

    [Fact]
    public void NestedExceptionsReachTheCaller()
    {
        using CpuDevice device = new(2);
        Assert.Throws<InvalidOperationException>(() => device.For(4, (item, _) => device.For(4, (inner, _) =>
        {
            if (item == 2 && inner == 3)
                throw new InvalidOperationException("inside");
        })));
        int runs = 0;
        device.For(10, (_, _) => Interlocked.Increment(ref runs));
        Assert.Equal(10, runs);
    }
}
