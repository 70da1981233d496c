using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Gemm;

public sealed class GemmBatchTests
{
    /// <summary>A batch has the bits of its single products, computed by one thread each or spread over the threads.</summary>
    [Theory]
    [InlineData(5, 17, 16, 17)]
    [InlineData(3, 20, 33, 7)]
    [InlineData(2, 170, 170, 150)]
    [InlineData(3, 4, 5, 0)]
    public void BatchesAreTheSingleProducts(int batch, int m, int n, int k)
    {
        using CpuDevice device = new(2);
        float[] a = DeviceData.Uniform(batch * m * k, 1), b = DeviceData.Uniform(batch * k * n, 2);
        DeviceBuffer<float> c = device.Allocate<float>(batch * m * n), one = device.Allocate<float>(m * n);
        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
            {
                GemmKernels.MultiplyBatch(transposeA, transposeB, batch, m, n, k, device.Upload<float>(a), false, device.Upload<float>(b),
                    false, c);
                for (int i = 0; i < batch; i++)
                {
                    GemmKernels.Multiply(transposeA, transposeB, m, n, k, device.Upload<float>(a[(i * m * k)..((i + 1) * m * k)]),
                        device.Upload<float>(b[(i * k * n)..((i + 1) * k * n)]), null, one);
                    Assert.Equal(one.ToArray(), c.ToArray()[(i * m * n)..((i + 1) * m * n)]);
                }
            }
    }
}
