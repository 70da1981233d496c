using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Unary;

public static partial class UnaryKernels
{
    private static void ForwardCuda<TFormula>(CudaDevice device, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y)
        where TFormula : struct, IUnaryFormula =>
        device.Launch(Cuda.Forward<TFormula>, (CudaDevice.Groups((y.Length + 3) / 4), CudaDevice.GroupSize), new Cuda.ForwardArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            P = p,
            Q = q,
        });

    private static void BackwardCuda<TFormula>(
        CudaDevice device, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx)
        where TFormula : struct, IUnaryFormula =>
        device.Launch(Cuda.Backward<TFormula>, (CudaDevice.Groups((x.Length + 3) / 4), CudaDevice.GroupSize), new Cuda.BackwardArguments
        {
            GradientY = CudaDevice.View(dy),
            X = CudaDevice.View(x),
            GradientX = CudaDevice.View(dx),
            P = p,
            Q = q,
        });

    /// <summary>A thread owns four floats, the last one up to four.</summary>
    internal static class Cuda
    {
        internal struct ForwardArguments
        {
            public ArrayView<float> X, Y;
            public float P, Q;
        }

        internal static void Forward<TFormula>(ForwardArguments p) where TFormula : struct, IUnaryFormula
        {
            int at = Grid.GlobalIndex.X, first = at * 4, length = p.Y.IntLength;
            if (first + 4 <= length)
            {
                Float4 x = p.X.Cast<Float4>()[at];
                p.Y.Cast<Float4>()[at] = new(Value<TFormula>(x.X, p), Value<TFormula>(x.Y, p), Value<TFormula>(x.Z, p),
                    Value<TFormula>(x.W, p));
            }
            else
            {
                for (int i = first; i < length; i++)
                    p.Y[i] = Value<TFormula>(p.X[i], p);
            }
        }

        internal struct BackwardArguments
        {
            public ArrayView<float> GradientY, X, GradientX;
            public float P, Q;
        }

        internal static void Backward<TFormula>(BackwardArguments p) where TFormula : struct, IUnaryFormula
        {
            int at = Grid.GlobalIndex.X, first = at * 4, length = p.X.IntLength;
            if (first + 4 <= length)
            {
                Float4 dy = p.GradientY.Cast<Float4>()[at], x = p.X.Cast<Float4>()[at];
                p.GradientX.Cast<Float4>()[at] = new(Gradient<TFormula>(dy.X, x.X, p), Gradient<TFormula>(dy.Y, x.Y, p),
                    Gradient<TFormula>(dy.Z, x.Z, p), Gradient<TFormula>(dy.W, x.W, p));
            }
            else
            {
                for (int i = first; i < length; i++)
                    p.GradientX[i] = Gradient<TFormula>(p.GradientY[i], p.X[i], p);
            }
        }

        private static float Value<TFormula>(float x, ForwardArguments p) where TFormula : struct, IUnaryFormula =>
            TFormula.Value(new F1(x), new F1(p.P), new F1(p.Q)).Value;

        private static float Gradient<TFormula>(float dy, float x, BackwardArguments p) where TFormula : struct, IUnaryFormula =>
            TFormula.Gradient(new F1(dy), new F1(x), new F1(p.P), new F1(p.Q)).Value;
    }
}
