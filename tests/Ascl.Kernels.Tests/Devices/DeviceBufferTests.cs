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
        string Make(string? old) => $"{old}{++made}";
        Assert.Equal("1", buffer.Derived<string>("a", Make));
        Assert.Equal("1", buffer.Derived<string>("a", Make));
        Assert.Equal("2", buffer.Derived<string>("b", Make));
        buffer.CopyFrom([3, 4]);
        Assert.Equal("13", buffer.Derived<string>("a", Make));
        buffer.MarkChanged();
        Assert.Equal("24", buffer.Derived<string>("b", Make));
    }

    [Fact]
    public void DerivedOfSeveralBuffersIsMadeAgainWhenOneOfThemChanges()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> first = device.Allocate<float>(1), second = device.Allocate<float>(1), third = device.Allocate<float>(1);
        object Made(params ReadOnlySpan<DeviceBuffer<float>> others) => first.Derived<object>("a", _ => new object(), others);
        object before = Made(second);
        Assert.Same(before, Made(second));
        second.MarkChanged();
        object after = Made(second);
        Assert.NotSame(before, after);
        // Another buffer, though it has changed as often.
        third.MarkChanged();
        Assert.NotSame(after, Made(third));
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
