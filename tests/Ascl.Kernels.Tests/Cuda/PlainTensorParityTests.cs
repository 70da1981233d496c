using Ascl.Kernels.AxisMaps;
using Ascl.Kernels.Broadcast;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.ReduceAxis;
using Ascl.Kernels.Softmax;
using Ascl.Kernels.Standardize;
using Ascl.Kernels.Tests.Devices;
using Ascl.Kernels.Transpose;
using Ascl.Kernels.Unary;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>Kernels of plain tensors of any rank.</summary>
[Collection(TestGpu.Collection)]
public sealed class PlainTensorParityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(259)]
    public void UnaryFormulasAgreeWithTheCpu(int length)
    {
        float[] dy = DeviceData.Uniform(length, 2);
        foreach (UnaryFunction function in Enum.GetValues<UnaryFunction>())
        {
            bool isPositive = function is UnaryFunction.SquareRoot or UnaryFunction.Log or UnaryFunction.Power or UnaryFunction.Reciprocal;
            float[] x = DeviceData.Uniform(length, 1, isPositive ? 0.1f : -4, 4);
            var (p, q) = function switch
            {
                UnaryFunction.Clip => (-1.5f, 2),
                UnaryFunction.HardSigmoid => (0.25f, 0.5f),
                _ => (1.25f, 1.5f),
            };
            Parity.Check($"{function}", device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(length);
                UnaryKernels.Forward(function, p, q, device.Upload<float>(x), y);
                return y;
            });
            Parity.Check($"{function} backward", device =>
            {
                DeviceBuffer<float> dx = device.Allocate<float>(length);
                UnaryKernels.Backward(function, p, q, device.Upload<float>(dy), device.Upload<float>(x), dx);
                return dx;
            });
        }
    }

    [Fact]
    public void BroadcastFormulasAgreeWithTheCpu()
    {
        (int[] Result, int[] A, int[] B, int[] C)[] shapes =
        [
            ([3, 5], [3, 5], [5], [3, 1]), ([2, 2, 2, 2, 3, 2], [2, 1, 2, 1, 3, 1], [1, 2, 1, 2, 1, 2], [2]), ([], [], [], []),
        ];
        foreach (BroadcastFormula formula in Enum.GetValues<BroadcastFormula>())
            foreach (var (result, shapeA, shapeB, shapeC) in shapes)
                Parity.Check($"{formula} of [{string.Join(", ", result)}]", device =>
                {
                    DeviceBuffer<float> y = device.Allocate<float>(Length(result));
                    BroadcastKernels.Map(formula, BroadcastGeometry.Of(result, shapeA, shapeB, shapeC), Values(device, shapeA, 1),
                        Values(device, shapeB, 2), Values(device, shapeC, 3), y);
                    return y;
                });

        // Halves, so that some are equal.
        static DeviceBuffer<float> Values(Device device, int[] shape, uint stream) => device.Upload<float>(
            [.. DeviceData.Uniform(Length(shape), stream, 0.3f, 2.4f).Select(v => MathF.Round(2 * v) / 2 + 0.5f)]);
    }

    [Fact]
    public void TranspositionsAgreeWithTheCpu()
    {
        foreach (var (sizes, permutation) in new (int[], int[])[]
        {
            ([35, 70], [1, 0]), ([2, 3, 4], [1, 0, 2]), ([2, 33, 3, 5], [2, 3, 0, 1]), ([2, 3, 2, 3, 2, 3], [4, 1, 5, 0, 3, 2]),
            ([2, 2, 3, 2, 2, 3], [0, 3, 4, 1, 2, 5]),
        })
            Parity.Check($"[{string.Join(", ", sizes)}]", device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(Length(sizes));
                TransposeKernels.Transpose(sizes, permutation, device.Upload<float>(DeviceData.Uniform(Length(sizes), 1)), y);
                return y;
            });
        Parity.Check("rows", device =>
        {
            DeviceBuffer<float> y = device.Allocate<float>(40);
            TransposeKernels.CopyRows(3, 5, device.Upload<float>(DeviceData.Uniform(30, 1)), 2, 7, y, 3, 11);
            return y;
        });
    }

    [Fact]
    public void MapsAlongAnAxisAgreeWithTheCpu()
    {
        foreach (AxisMap map in new[]
        {
            AxisMap.Select(5, [4, 0, 0, 2]), AxisMap.Pad(5, 1, 2, PadMode.Constant), AxisMap.Windows(5, 3, 2, 1, 1, 3, true, false),
            AxisMap.Of(5, [[(0, 0.25f), (3, -0.75f)], [], [(4, 2)]]).Transposed.Transposed,
        })
            foreach (int inner in new[] { 1, 19 })
                Parity.Check($"{map}, inner {inner}", device =>
                {
                    DeviceBuffer<float> y = device.Allocate<float>(3 * map.Outputs * inner);
                    AxisMapKernels.Apply(map, 3, inner, device.Upload<float>(DeviceData.Uniform(15 * inner, 1)), y);
                    return y;
                });
    }

    [Theory]
    [InlineData(3, 5, 7)]
    [InlineData(9, 70, 1)]
    [InlineData(2, 700, 3)]
    [InlineData(2, 700, 1)]
    public void ReductionsAgreeWithTheCpu(int outer, int size, int inner)
    {
        float[] x = [.. DeviceData.Uniform(outer * size * inner, 1).Select(v => MathF.Round(v * 16) / 16)];
        Parity.Check("sum", device =>
        {
            DeviceBuffer<float> y = device.Allocate<float>(outer * inner);
            ReduceAxisKernels.Sum(outer, size, inner, device.Upload<float>(x), 0.5f, y);
            return y;
        });
        foreach (bool isBackward in new[] { false, true })
            Parity.Check($"max, backward {isBackward}", device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(outer * inner), dx = device.Allocate<float>(x.Length);
                ReduceAxisKernels.Max(outer, size, inner, device.Upload<float>(x), y);
                ReduceAxisKernels.MaxBackward(
                    outer, size, inner, device.Upload<float>(DeviceData.Uniform(y.Length, 2)), device.Upload<float>(x), y, dx);
                return isBackward ? dx : y;
            });
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(9, 37)]
    [InlineData(2, 1100)]
    public void StandardizedRowsAgreeWithTheCpu(int rows, int length)
    {
        float[] x = DeviceData.Uniform(rows * length, 1, -1, 3), dy = DeviceData.Uniform(rows * length, 2);
        foreach (string what in new[] { "y", "inverse", "dx" })
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(x.Length), inverse = device.Allocate<float>(rows);
                DeviceBuffer<float> dx = device.Allocate<float>(x.Length);
                StandardizeKernels.Forward(rows, length, device.Upload<float>(x), 1e-3f, y, inverse);
                StandardizeKernels.Backward(rows, length, y, inverse, device.Upload<float>(dy), dx);
                return what == "y" ? y : what == "dx" ? dx : inverse;
            }, 2e-6);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(9, 17)]
    [InlineData(3, 70)]
    public void SoftmaxesAgreeWithTheCpu(int n, int k)
    {
        foreach (bool isBackward in new[] { false, true })
            Parity.Check($"softmax, backward {isBackward}", device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(n * k), dx = device.Allocate<float>(n * k);
                SoftmaxKernels.SoftmaxForward(n, k, device.Upload<float>(DeviceData.Uniform(n * k, 1, -9, 9)), y);
                SoftmaxKernels.SoftmaxBackward(n, k, y, device.Upload<float>(DeviceData.Uniform(n * k, 2)), dx);
                return isBackward ? dx : y;
            });
    }

    [Theory]
    [InlineData(3, 17, 5, 8)]
    [InlineData(2, 40, 67, 9)]
    public void BatchesOfProductsAgreeWithTheCpu(int batch, int m, int n, int k)
    {
        using IDisposable scope = TestGpu.Device.WithLargeTilesOnly();
        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
                foreach (var (sharedA, sharedB) in new[] { (false, false), (true, false), (false, true) })
                    Parity.Check($"{batch} of [{m}, {k}]·[{k}, {n}]", device =>
                    {
                        DeviceBuffer<float> c = device.Allocate<float>(batch * m * n);
                        GemmKernels.MultiplyBatch(transposeA, transposeB, batch, m, n, k,
                            device.Upload<float>(DeviceData.Uniform((sharedA ? 1 : batch) * m * k, 1)), sharedA,
                            device.Upload<float>(DeviceData.Uniform((sharedB ? 1 : batch) * k * n, 2)), sharedB, c);
                        return c;
                    });
    }

    private static int Length(int[] sizes) => sizes.Aggregate(1, (a, b) => a * b);
}
