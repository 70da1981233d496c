using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Tests.Devices;

public sealed class BufferPoolTests
{
    [Fact]
    public void ScopesReuseWhatHasTheSameLengthAndTag()
    {
        using CpuDevice device = new(1);
        BufferPool pool = device.Pool;
        DeviceBuffer<float> first;
        using (pool.BeginScope())
            first = pool.Rent(100, 0);
        long after = pool.AllocatedBytes;
        Assert.Equal(400, after);
        using (pool.BeginScope())
        {
            Assert.Same(first, pool.Rent(100, 0));
            Assert.NotSame(first, pool.Rent(100, 0));
            Assert.NotSame(first, pool.Rent(100, 1));
            Assert.NotSame(first, pool.Rent(101, 0));
        }
        Assert.Equal(after + 400 + 400 + 404, pool.AllocatedBytes);
    }

    [Fact]
    public void AStepLikeTheOneBeforeAllocatesNothing()
    {
        using CpuDevice device = new(1);
        long warm = 0;
        for (int step = 0; step < 5; step++)
        {
            using IDisposable scope = device.Pool.BeginScope();
            for (int length = 1; length < 50; length++)
            {
                DeviceBuffer<float> early = device.Pool.Rent(length, 0);
                device.Pool.Rent(length, 0);
                device.Pool.Return(early);
                using IDisposable inner = device.Pool.BeginScope();
                device.Pool.Rent(length, 0);
            }
            warm = step == 0 ? device.Pool.AllocatedBytes : warm;
        }
        Assert.Equal(warm, device.Pool.AllocatedBytes);
    }

    [Fact]
    public void OnlyTheInnerScopesBuffersGoBackWhenItEnds()
    {
        using CpuDevice device = new(1);
        using IDisposable outer = device.Pool.BeginScope();
        DeviceBuffer<float> kept = device.Pool.Rent(10, 0), lent;
        using (device.Pool.BeginScope())
            lent = device.Pool.Rent(10, 0);
        Assert.Same(lent, device.Pool.Rent(10, 0));
        Assert.NotSame(kept, device.Pool.Rent(10, 0));
    }

    [Fact]
    public void ABufferGivenBackEarlyIsNotGivenBackTwice()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> buffer;
        using (device.Pool.BeginScope())
        {
            buffer = device.Pool.Rent(10, 0);
            device.Pool.Return(buffer);
            device.Pool.Return(buffer);
            Assert.Same(buffer, device.Pool.Rent(10, 0));
            Assert.NotSame(buffer, device.Pool.Rent(10, 0));
        }
        using (device.Pool.BeginScope())
        {
            DeviceBuffer<float>[] rented = [device.Pool.Rent(10, 0), device.Pool.Rent(10, 0), device.Pool.Rent(10, 0)];
            Assert.Equal(3, rented.Distinct().Count());
        }
    }

    /// <summary>An early return into an inner scope that rents it again: it is the inner scope's now, and goes back once.</summary>
    [Fact]
    public void AReturnedBufferMayBeRentedByAnInnerScope()
    {
        using CpuDevice device = new(1);
        using IDisposable outer = device.Pool.BeginScope();
        DeviceBuffer<float> buffer = device.Pool.Rent(10, 0);
        using (device.Pool.BeginScope())
        {
            device.Pool.Return(buffer);
            Assert.Same(buffer, device.Pool.Rent(10, 0));
        }
        Assert.Same(buffer, device.Pool.Rent(10, 0));
        Assert.NotSame(buffer, device.Pool.Rent(10, 0));
    }

    [Fact]
    public void OutsideAnyScopeABufferIsNotPooled()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> own = device.Pool.Rent(10, 0);
        device.Pool.Return(own);
        using IDisposable scope = device.Pool.BeginScope();
        Assert.NotSame(own, device.Pool.Rent(10, 0));
    }

    [Fact]
    public void ScopesThatEndInTheWrongOrderAreAnError()
    {
        using CpuDevice device = new(1);
        IDisposable outer = device.Pool.BeginScope(), inner = device.Pool.BeginScope();
        Assert.Contains("reverse order", Assert.Throws<InvalidOperationException>(outer.Dispose).Message, StringComparison.Ordinal);
        inner.Dispose();
        inner.Dispose();
        outer.Dispose();
    }

    [Fact]
    public void DerivedValuesEndWithTheRental()
    {
        using CpuDevice device = new(1);
        object derived;
        using (device.Pool.BeginScope())
            derived = device.Pool.Rent(10, 0).Derived<object>("test", _ => new object());
        using (device.Pool.BeginScope())
            Assert.NotSame(derived, device.Pool.Rent(10, 0).Derived<object>("test", _ => new object()));
    }
}
