using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Tests.Devices;

public sealed class DeviceBufferTests
{
    [Fact]
    public void DerivedIsMadeOnceUntilTheBufferChanges()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> buffer = device.Upload<float>([1, 2]);
        int made = 0;
        string Make() => $"{++made}";
        Assert.Equal("1", buffer.Derived("a", Make));
        Assert.Equal("1", buffer.Derived("a", Make));
        Assert.Equal("2", buffer.Derived("b", Make));
        buffer.CopyFrom([3, 4]);
        Assert.Equal("3", buffer.Derived("a", Make));
        buffer.MarkChanged();
        Assert.Equal("4", buffer.Derived("b", Make));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    [InlineData(1 << 20)]
    public unsafe void MemoryIsZeroAndAligned(int length)
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> buffer = device.Allocate<float>(length);
        Assert.True(buffer.ToArray().All(v => v == 0));
        Assert.Equal(0, (nint)CpuDevice.Pointer(buffer) % 64);
    }

    [Fact]
    public void CopiesOfAnotherLengthAreAnError()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<int> buffer = device.Upload<int>([1, 2, 3]);
        Assert.Equal("CopyFrom: 2 values for a buffer of 3", Assert.Throws<ArgumentException>(() => buffer.CopyFrom([1, 2])).Message);
        Assert.Throws<ArgumentException>(() => buffer.CopyTo(new int[4]));
        Assert.Equal([1, 2, 3], buffer.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => device.Allocate<float>(-1));
    }
}
