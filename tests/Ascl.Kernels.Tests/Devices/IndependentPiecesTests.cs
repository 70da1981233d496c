using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Kernels.Tests.Devices;

public sealed class IndependentPiecesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void EachPieceHasItsOwnMemory(int threads)
    {
        using CpuDevice device = new(threads);
        DeviceBuffer<float> sums = device.Allocate<float>(40);
        for (int round = 0; round < 20; round++)
            device.Independently(sums.Length, Sum);
        Assert.Equal([.. Enumerable.Range(0, sums.Length).Select(piece => 50f * piece)], sums.ToArray());

        // piece · 50, in buffers that other pieces would write over if they had the same.
        void Sum(int piece)
        {
            using IDisposable scope = device.Pool.BeginScope();
            DeviceBuffer<float> value = device.Pool.Rent(5000, 0), sum = device.Pool.Rent(5000, 0);
            ElementwiseKernels.Fill(null, piece, value);
            ElementwiseKernels.Fill(null, 0, sum);
            for (int i = 0; i < 50; i++)
                ElementwiseKernels.Add(sum, value, sum);
            ElementwiseKernels.Copy(sum, 4999, sums, piece, 1);
        }
    }

    [Fact]
    public void APieceRunsOnOneThread()
    {
        using CpuDevice device = new(3);
        int strangers = 0;
        device.Independently(30, _ =>
        {
            int own = Environment.CurrentManagedThreadId;
            Assert.Equal(1, device.PiecesAtOnce);
            device.For(10, (_, _) => strangers += Environment.CurrentManagedThreadId == own ? 0 : 1);
        });
        Assert.Equal(0, strangers);
        Assert.Equal(3, device.PiecesAtOnce);
    }

    [Fact]
    public void DerivedValuesAreMadeOnce()
    {
        using CpuDevice device = new(4);
        DeviceBuffer<float> source = device.Allocate<float>(1);
        for (int round = 1; round <= 50; round++)
        {
            int made = 0;
            source.MarkChanged();
            device.Independently(8, _ => source.Derived<object>("it", _ => Interlocked.Increment(ref made)));
            Assert.Equal(1, made);
        }
    }
}
