using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>When work is captured, what is kept meanwhile, and what happens where it does not go.</summary>
[Collection(TestGpu.Collection)]
public sealed class CapturedGraphsTests : IDisposable
{
    private readonly CudaDevice device = TestGpu.Open(graphs: true);

    public void Dispose() => device.Dispose();

    /// <summary>y = 2·x + y, by way of memory that is rented.</summary>
    private sealed record Doubling(DeviceBuffer<float> X, DeviceBuffer<float> Y) : ICapturable<DeviceBuffer<float>>
    {
        public DeviceBuffer<float> Run()
        {
            using IDisposable scope = X.Device.Pool.BeginScope();
            DeviceBuffer<float> twice = X.Device.Pool.Rent(X.Length, 0);
            ElementwiseKernels.Scale(X, 2, twice);
            ElementwiseKernels.Add(twice, Y, Y);
            return Y;
        }
    }

    [Fact]
    public void TheSecondTimeIsCapturedAndThenReplayed()
    {
        DeviceBuffer<float> x = device.Upload<float>([1, 2, 3]), y = device.Allocate<float>(3);
        for (int time = 1; time <= 4; time++)
        {
            // A record that is equal, not the same.
            Assert.Same(y, device.RunCaptured(new Doubling(x, y)));
            Assert.Equal([2f * time, 4 * time, 6 * time], y.ToArray());
            Assert.Equal((time > 1 ? 1 : 0, time - 1), device.GraphCount);
        }
        DeviceBuffer<float> other = device.Allocate<float>(3);
        device.RunCaptured(new Doubling(x, other));
        Assert.Equal([2f, 4, 6], other.ToArray());
        Assert.Equal((1, 3), device.GraphCount);
    }

    /// <summary>Whoever rents later gets other memory than the one that launches write which come again.</summary>
    [Fact]
    public void MemoryOfCapturedWorkIsNotRentedOut()
    {
        DeviceBuffer<float> x = device.Upload<float>([1, 2, 3]), y = device.Allocate<float>(3);
        device.RunCaptured(new Doubling(x, y));
        device.RunCaptured(new Doubling(x, y));
        using IDisposable scope = device.Pool.BeginScope();
        List<DeviceBuffer<float>> rented = [];
        for (int i = 0; i < 100; i++)
        {
            rented.Add(device.Pool.Rent(3, 0));
            rented[i].CopyFrom([i, i, i]);
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();
        device.RunCaptured(new Doubling(x, y));
        Assert.Equal([6f, 12, 18], y.ToArray());
        for (int i = 0; i < 100; i++)
            Assert.Equal([i, i, i], rented[i].ToArray());
    }

    /// <summary>Sends a value from the host.</summary>
    private sealed record Sending(DeviceBuffer<float> Y) : ICapturable<DeviceBuffer<float>>
    {
        public DeviceBuffer<float> Run()
        {
            ElementwiseKernels.Add(Y, Y, Y);
            ElementwiseKernels.Add(Y, Y.Device.Upload<float>([1]), Y);
            return Y;
        }
    }

    [Fact]
    public void WorkWithHostTransfersIsNotCaptured()
    {
        DeviceBuffer<float> y = device.Upload<float>([1]);
        for (int time = 0; time < 3; time++)
            device.RunCaptured(new Sending(y));
        Assert.Equal([15f], y.ToArray());
        Assert.Equal((0, 0), device.GraphCount);
    }

    /// <summary>y += x², the square made once a change of x.</summary>
    private sealed record Squaring(DeviceBuffer<float> X, DeviceBuffer<float> Y) : ICapturable<DeviceBuffer<float>>
    {
        public DeviceBuffer<float> Run()
        {
            ElementwiseKernels.Add(X.Derived<DeviceBuffer<float>>("square", Square), Y, Y);
            return Y;
        }

        private DeviceBuffer<float> Square(DeviceBuffer<float>? old)
        {
            DeviceBuffer<float> square = old ?? X.Device.Allocate<float>(X.Length);
            ElementwiseKernels.Multiply(X, X, square);
            return square;
        }
    }

    [Fact]
    public void DerivedValuesAreRefreshedBeforeAReplay()
    {
        DeviceBuffer<float> x = device.Upload<float>([1]), y = device.Allocate<float>(1);
        foreach (float value in new[] { 1f, 2, 3, 4 })
        {
            x.CopyFrom([value]);
            device.RunCaptured(new Squaring(x, y));
        }
        Assert.Equal([30f], y.ToArray());
        Assert.Equal((1, 3), device.GraphCount);
    }

    [Fact]
    public void ReplayedWorkMarksItsResultsChanged()
    {
        DeviceBuffer<float> x = device.Upload<float>([1, 2, 3]), y = device.Allocate<float>(3);
        for (int time = 0; time < 4; time++)
        {
            object before = y.Derived<object>("test", _ => new object());
            device.RunCaptured(new Doubling(x, y));
            Assert.NotSame(before, y.Derived<object>("test", _ => new object()));
        }
    }

    [Fact]
    public void TracedWorkLaunchesEachKernel()
    {
        DeviceBuffer<float> x = device.Upload<float>([1]), y = device.Allocate<float>(1);
        for (int time = 0; time < 3; time++)
            Assert.Equal(2, KernelTrace.Record(() => device.RunCaptured(new Doubling(x, y))).Count);
        Assert.Equal((0, 0), device.GraphCount);
        Assert.Equal([6f], y.ToArray());
    }

    [Fact]
    public void TheLeastRecentlyUsedGraphIsDiscarded()
    {
        DeviceBuffer<float> x = device.Upload<float>([1]);
        DeviceBuffer<float>[] ys = [.. Enumerable.Range(0, 20).Select(_ => device.Allocate<float>(1))];
        foreach (DeviceBuffer<float> y in ys)
            for (int time = 0; time < 3; time++)
                device.RunCaptured(new Doubling(x, y));
        Assert.Equal((20, 40), device.GraphCount);
        device.RunCaptured(new Doubling(x, ys[0]));
        device.RunCaptured(new Doubling(x, ys[^1]));
        // The first of them begins again, the last one does not.
        Assert.Equal((20, 41), device.GraphCount);
        Assert.Equal([8f], ys[0].ToArray());
    }
}
