using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

[Collection(TestGpu.Collection)]
public sealed class TensorCoreGemmTests
{
    [TensorCoreTheory]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Tf32)]
    public void MatchesTheDefinitionOnRoundedNumbers(Precision precision)
    {
        foreach (var (m, n, k) in new[] { (1, 1, 1), (13, 10, 50), (64, 32, 16), (33, 65, 9), (70, 66, 36), (3, 5, 0) })
            foreach (bool transposeA in new[] { false, true })
                foreach (bool transposeB in new[] { false, true })
                    Check(precision, transposeA, transposeB, m, n, k);
        using IDisposable scope = TensorCores.Device(precision).WithLargeTilesOnly();
        Check(precision, false, true, 131, 130, 37);
        Check(precision, true, false, 130, 131, 40);
    }

    internal static void Check(Precision precision, bool transposeA, bool transposeB, int m, int n, int k)
    {
        CudaDevice device = TensorCores.Device(precision);
        float[] a = DeviceData.Uniform(m * k, 1), b = DeviceData.Uniform(k * n, 2), bias = DeviceData.Uniform(n, 3);
        double[] ad = TensorCores.Rounded(precision, a), bd = TensorCores.Rounded(precision, b), expected = new double[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                expected[i * n + j] = bias[j];
                for (int l = 0; l < k; l++)
                    expected[i * n + j] += ad[transposeA ? l * m + i : i * k + l] * bd[transposeB ? j * k + l : l * n + j];
            }
        DeviceBuffer<float> c = device.Upload<float>(DeviceData.Uniform(m * n, 4));
        GemmKernels.Multiply(transposeA, transposeB, m, n, k, device.Upload<float>(a), device.Upload<float>(b), device.Upload<float>(bias),
            c);
        Tolerance.CloseInMean(expected, c.ToArray(), TensorCores.Allowed,
            $"{precision} [{m}, {k}]{(transposeA ? "ᵀ" : "")}·[{k}, {n}]{(transposeB ? "ᵀ" : "")}");
    }

    /// <summary>Nor does what a row holds that follows from it: NaN.</summary>
    [TensorCoreFact]
    public void ARowDoesNotDependOnTheOthers()
    {
        CudaDevice device = TensorCores.Device(Precision.Bf16);
        const int N = 9, K = 40;
        float[] a = DeviceData.Uniform(3 * K, 1);
        a[0] = float.NaN;
        DeviceBuffer<float> b = device.Upload<float>(DeviceData.Uniform(K * N, 2)), three = device.Allocate<float>(3 * N);
        DeviceBuffer<float> last = device.Allocate<float>(N);
        GemmKernels.Multiply(false, true, 3, N, K, device.Upload<float>(a), b, null, three);
        GemmKernels.Multiply(false, true, 1, N, K, device.Upload<float>(a[(2 * K)..]), b, null, last);
        Assert.All(three.ToArray()[..N], value => Assert.True(float.IsNaN(value)));
        Assert.Equal(three.ToArray()[(2 * N)..], last.ToArray());
    }
}
