using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.AxisMaps;

public static partial class AxisMapKernels
{
    private static void ApplyCuda(
        CudaDevice device, AxisMap map, int outer, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        AxisMap.DeviceCopy copy = map.On(device);
        device.Launch(Cuda.Apply, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), new Cuda.ApplyArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Starts = CudaDevice.View(copy.Starts),
            Indices = CudaDevice.View(copy.Indices),
            Weights = CudaDevice.View(copy.Weights),
            Inner = new(inner),
            Outputs = new(map.Outputs),
            Inputs = map.Inputs,
        });
    }

    internal static class Cuda
    {
        internal struct ApplyArguments
        {
            public ArrayView<float> X, Y, Weights;
            public ArrayView<int> Starts, Indices;
            public InvariantDivision Inner, Outputs;
            public int Inputs;
        }

        /// <summary>A thread owns a value of y.</summary>
        internal static void Apply(ApplyArguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Y.IntLength)
                return;
            int row = p.Inner.Quotient(i), n = p.Outputs.Quotient(row), o = row - n * p.Outputs.Divisor;
            int start = n * p.Inputs * p.Inner.Divisor + i - row * p.Inner.Divisor;
            float sum = 0;
            for (int j = p.Starts[o]; j < p.Starts[o + 1]; j++)
                sum += p.Weights[j] * p.X[start + p.Indices[j] * p.Inner.Divisor];
            p.Y[i] = sum;
        }
    }
}
