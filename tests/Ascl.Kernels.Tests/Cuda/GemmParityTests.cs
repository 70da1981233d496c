using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class GemmParityTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(13, 10, 50)]
    [InlineData(64, 32, 16)]
    [InlineData(33, 65, 9)]
    [InlineData(5, 70, 7)]
    [InlineData(3, 5, 0)]
    [InlineData(0, 5, 4)]
    [InlineData(5, 0, 4)]
    public void AgreesWithTheCpu(int m, int n, int k)
    {
        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
                foreach (bool withBias in new[] { false, true })
                    Parity.Check($"[{m}, {k}]{(transposeA ? "ᵀ" : "")}·[{k}, {n}]{(transposeB ? "ᵀ" : "")}, bias {withBias}",
                        device => Multiply(device, transposeA, transposeB, 0, m, m, n, k, withBias));
    }

    /// <summary>Nor on the tiles that the whole is cut into.</summary>
    [Fact]
    public void ARowDoesNotDependOnTheOthers()
    {
        const int M = 67, N = 70, K = 9;
        float[] small = Multiply(TestGpu.Device, false, true, 60, 4, M, N, K, true).ToArray();
        using IDisposable scope = TestGpu.Device.WithLargeTilesOnly();
        float[] whole = Multiply(TestGpu.Device, false, true, 0, M, M, N, K, true).ToArray();
        Assert.Equal(whole[(60 * N)..(64 * N)], small);
        using CpuDevice cpu = new(1);
        Tolerance.Close(Tolerance.ToDouble(Multiply(cpu, false, true, 0, M, M, N, K, true).ToArray()), whole, 1e-6);
    }

    [Fact]
    public void BuffersThatDoNotFitAreNamed()
    {
        DeviceBuffer<float> four = TestGpu.Device.Allocate<float>(4), six = TestGpu.Device.Allocate<float>(6);
        Assert.Contains("[2, 3]·[3, 2]",
            Assert.Throws<ShapeException>(() => GemmKernels.Multiply(false, false, 2, 2, 3, four, six, null, four)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Some rows of the product of all <paramref name="rows"/>.</summary>
    private static DeviceBuffer<float> Multiply(
        Device device, bool transposeA, bool transposeB, int from, int m, int rows, int n, int k, bool withBias)
    {
        float[] a = DeviceData.Uniform(rows * k, 1)[(from * k)..((from + m) * k)], b = DeviceData.Uniform(k * n, 2);
        float[] bias = DeviceData.Uniform(n, 3);
        DeviceBuffer<float> c = device.Upload<float>(DeviceData.Uniform(m * n, 4));
        GemmKernels.Multiply(transposeA, transposeB, m, n, k, device.Upload<float>(a), device.Upload<float>(b),
            withBias ? device.Upload<float>(bias) : null, c);
        return c;
    }
}
