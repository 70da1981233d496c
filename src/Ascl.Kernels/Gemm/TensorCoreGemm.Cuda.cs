using System.Runtime.InteropServices;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Gemm;

public static partial class GemmKernels
{
    /// <summary>The host side of TensorCoreGemm.cu.</summary>
    internal static class TensorCores
    {
        /// <summary>Shared memory for two slices of both factors.</summary>
        private static readonly Dictionary<Precision, TensorCoreTile[]> Tiles =
            TensorCoreTile.ByPrecision("TensorCoreGemm", "multiply", [(64, 64, 128), (128, 128, 256)],
                (_, rows, columns) => 2 * (rows + columns) * TensorCoreTile.LineBytes);

        public static void Multiply(
            CudaDevice device, bool transposeA, bool transposeB, int m, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b,
            DeviceBuffer<float>? bias, DeviceBuffer<float> c)
        {
            bool isLarge = device.IsOccupiedBy((m + 127L) / 128 * ((n + 127) / 128), EnoughGroups);
            TensorCoreTile tile = Tiles[device.Precision][isLarge ? 1 : 0];
            device.Launch(tile.Kernel, ((n + tile.Columns - 1) / tile.Columns, (m + tile.Rows - 1) / tile.Rows, 1), new MultiplyArguments
            {
                A = CudaDevice.Address(a),
                B = CudaDevice.Address(b),
                Bias = CudaDevice.Address(bias),
                C = CudaDevice.Address(c),
                M = m,
                N = n,
                K = k,
                RowStep = transposeA ? 1 : k,
                RowDepthStep = transposeA ? m : 1,
                ColumnStep = transposeB ? k : 1,
                ColumnDepthStep = transposeB ? 1 : n,
            });
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct MultiplyArguments
        {
            public nint A, B, Bias, C;
            public int M, N, K, RowStep, RowDepthStep, ColumnStep, ColumnDepthStep;
        }
    }
}
