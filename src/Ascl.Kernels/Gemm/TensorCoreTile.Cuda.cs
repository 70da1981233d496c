using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Gemm;

/// <summary>A native kernel that computes tiles of a matrix product on tensor cores; see TensorCore.cuh.</summary>
internal sealed record TensorCoreTile(int Rows, int Columns, NativeKernel Kernel)
{
    /// <summary>Bytes of a row or column of a factor in a shared-memory slice: four 16-byte chunks.</summary>
    public const int LineBytes = 64, ChunksOfLine = 4;

    /// <summary>Values of k in 16 bytes.</summary>
    public static int ChunkValues(Precision precision) => precision == Precision.Bf16 ? 8 : 4;

    public static int LineValues(Precision precision) => ChunksOfLine * ChunkValues(precision);

    /// <summary>The kernels named "name_precision_ROWSxCOLUMNS", in the order of the shapes.</summary>
    public static Dictionary<Precision, TensorCoreTile[]> ByPrecision(
        string file, string name, (int Rows, int Columns, int Threads)[] shapes, Func<Precision, int, int, int> sharedBytes)
    {
        return new()
        {
            [Precision.Tf32] = [.. shapes.Select(shape => Of(Precision.Tf32, shape))],
            [Precision.Bf16] = [.. shapes.Select(shape => Of(Precision.Bf16, shape))]
        };

        TensorCoreTile Of(Precision precision, (int Rows, int Columns, int Threads) shape) =>
            new(shape.Rows, shape.Columns,
                new(file, $"{name}_{NativeKernel.Suffix(precision)}_{shape.Rows}x{shape.Columns}", shape.Threads,
                    sharedBytes(precision, shape.Rows, shape.Columns)));
    }
}
