using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.Softmax;

namespace Ascl.Kernels.Tests.Dispatch;

/// <summary>The contract of a kernel call: one trace, the path of the buffers' device, what was written marked as changed.</summary>
public sealed class DeviceKernelTests : IDisposable
{
    private readonly CpuDevice device = new(1), other = new(1);

    [Fact]
    public void WrittenBuffersAreMarkedChangedAndOptionalOnesMayBeNull()
    {
        DeviceBuffer<float> y = device.Allocate<float>(1), read = device.Allocate<float>(1);
        (object ofY, object ofRead) = (Derived(y), Derived(read));
        DeviceKernel.Run("test", 1, 0, 0, _ => CpuDevice.Span(y)[0] = 2, null, y, null);
        Assert.NotSame(ofY, Derived(y));
        Assert.Equal(3, DeviceKernel.ReadBack("test", 1, 0, 0, _ => CpuDevice.ReadSpan(read)[0] + 3, null, read, null));
        Assert.Same(ofRead, Derived(read));
    }

    [Fact]
    public void BuffersOfTwoDevicesAreRefused()
    {
        DeviceBuffer<float> here = device.Allocate<float>(1), there = other.Allocate<float>(1);
        Assert.Throws<ArgumentException>(() => DeviceKernel.Run("test", 1, 0, 0, _ => Assert.Fail("ran"), null, here, null, there));
        Assert.Throws<ArgumentException>(() => DeviceKernel.ReadBack("test", 1, 0, 0, _ => 1, null, here, there));
    }

    [Fact]
    public void AMissingPathIsNamed()
    {
        DeviceBuffer<float> y = device.Allocate<float>(1);
        Assert.Contains("only.gpu",
            Assert.Throws<NotSupportedException>(() => DeviceKernel.Run("only.gpu", 1, 0, 0, null, _ => { }, y)).Message,
            StringComparison.Ordinal);
        Assert.Contains("only.gpu",
            Assert.Throws<NotSupportedException>(() => DeviceKernel.ReadBack("only.gpu", 1, 0, 0, null, _ => 1, y)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void EachCallIsTracedOnce()
    {
        ActivationLayout layout = ActivationLayout.Blocked(device, 1, 3, 4, 4);
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> x = device.Allocate<float>(layout.Length), y = device.Allocate<float>(layout.Length);
        DeviceBuffer<float> sum = device.Allocate<float>(1);
        DeviceBuffer<float>[] c = [.. Enumerable.Range(0, 4).Select(_ => device.Allocate<float>(channels))];
        DeviceBuffer<int> classes = device.Upload<int>([1, 2]);
        IReadOnlyList<KernelCall> calls = KernelTrace.Record(() =>
        {
            ElementwiseKernels.Fill(null, 1, x);
            ElementwiseKernels.Copy(x, 0, y, 0, x.Length);
            ReduceKernels.Sum(x, 1, sum);
            ReduceKernels.SquaredNorm(x);
            SoftmaxKernels.CountCorrect(classes, classes);
            BatchNormKernels.TrainStatistics(layout, x, new(c[0], c[1], 0.1f), 1e-5f, c[2], c[3]);
            BatchNormKernels.InverseStd(3, c[1], 1e-5f, c[3]);
        });
        Assert.Equal(
            ["elementwise.fill", "elementwise.copy", "reduce.sum", "reduce.squared_norm", "count_correct", "batch_norm.statistics",
                "batch_norm.inverse_std"],
            calls.Select(call => call.Name));
        Assert.Equal((layout.ToString(), 3.0 * layout.Length, 4.0 * layout.Length), (calls[5].Shape, calls[5].Flops, calls[5].Bytes));
    }

    private static object Derived(DeviceBuffer<float> buffer) => buffer.Derived<object>("test", _ => new object());

    public void Dispose()
    {
        device.Dispose();
        other.Dispose();
    }
}
