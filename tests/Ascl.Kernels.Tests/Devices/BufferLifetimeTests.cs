using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;

namespace Ascl.Kernels.Tests.Devices;

public sealed class BufferLifetimeTests
{
    /// <summary>
    /// A kernel works on raw pointers, and its caller may have dropped the last reference to an operand: the memory has to stay for as long
    /// as the kernel runs, whatever the garbage collector does meanwhile.
    /// </summary>
    [Fact]
    public void OperandsLiveAsLongAsTheirKernel()
    {
        const int Size = 160;
        using CpuDevice device = new(2), other = new(1);
        using CancellationTokenSource done = new();
        Thread collector = new(() =>
        {
            while (!done.IsCancellationRequested)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                _ = other.Upload<float>(new float[Size * Size]);
            }
        });
        collector.Start();
        try
        {
            // Enough rounds for the kernel's entry to be compiled with optimisation, which is when its parameters stop keeping operands
            // alive.
            float[] ones = [.. Enumerable.Repeat(1f, Size * Size)];
            for (int round = 0; round < 400; round++)
                Assert.Equal(-1, Product(device, ones).ToArray().AsSpan().IndexOfAnyExcept(Size));
        }
        finally
        {
            done.Cancel();
            collector.Join();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static DeviceBuffer<float> Product(CpuDevice device, float[] ones)
        {
            DeviceBuffer<float> product = device.Allocate<float>(Size * Size);
            GemmKernels.Multiply(false, false, Size, Size, Size, device.Upload<float>(ones), device.Upload<float>(ones), null, product);
            return product;
        }
    }
}
