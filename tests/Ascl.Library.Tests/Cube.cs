using Ascl.Autograd;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using ILGPU;

namespace Ascl.Library.Tests;

/// <summary>An op of one's own: y = x³, with kernels for CPU and CUDA and a gradient.</summary>
public static class Cube
{
    public static Tensor Cubed(this Tensor x)
    {
        Tensor y = Tensor.EmptyLike(x);
        Run("cube.forward", x.Data, null, y.Data);
        return y.Record("cube", (x, dy => Backward(x, dy)));
    }

    private static Tensor Backward(Tensor x, Tensor dy)
    {
        Tensor dx = Tensor.EmptyLike(x);
        Run("cube.backward", x.Data, dy.Data, dx.Data);
        return dx;
    }

    /// <summary>to = x³, or 3·x²·dy.</summary>
    private static void Run(string name, DeviceBuffer<float> x, DeviceBuffer<float>? dy, DeviceBuffer<float> to) => DeviceKernel.Run(
        name, x.Length, 3.0 * x.Length, 4.0 * x.Length * (dy is null ? 2 : 3),
        cpu => cpu.For(x.Length, (i, _) =>
        {
            float value = CpuDevice.ReadSpan(x)[i];
            CpuDevice.Span(to)[i] = dy is null ? value * value * value : 3 * value * value * CpuDevice.ReadSpan(dy)[i];
        }),
        cuda => cuda.Launch(Kernel, (CudaDevice.Groups(x.Length), CudaDevice.GroupSize), new CubeArguments
        {
            X = CudaDevice.View(x),
            Gradient = CudaDevice.View(dy),
            To = CudaDevice.View(to),
        }),
        to);

    public struct CubeArguments
    {
        public ArrayView<float> X, Gradient, To;
    }

    /// <summary>A thread has one value.</summary>
    public static void Kernel(CubeArguments p)
    {
        int i = Grid.GlobalIndex.X;
        if (i >= p.To.IntLength)
            return;
        float x = p.X[i];
        p.To[i] = p.Gradient.IntLength == 0 ? x * x * x : 3 * x * x * p.Gradient[i];
    }
}
