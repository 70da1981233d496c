using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Elementwise;

public static partial class ElementwiseKernels
{
    private static void RunCuda<TFormula>(
        CudaDevice device, DeviceBuffer<float> a, DeviceBuffer<float> b, float scale, DeviceBuffer<float> y)
        where TFormula : struct, IFormula =>
        device.Launch(Cuda.Map<TFormula>, (CudaDevice.Groups((y.Length + 3) / 4), CudaDevice.GroupSize), new Cuda.MapArguments
        {
            A = CudaDevice.View(a),
            B = CudaDevice.View(b),
            Y = CudaDevice.View(y),
            Scale = scale,
        });

    private static void FillCuda(CudaDevice device, DeviceBuffer<float>? value, float scale, DeviceBuffer<float> y) =>
        device.Launch(Cuda.Fill, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), new Cuda.FillArguments
        {
            Value = CudaDevice.View(value),
            Y = CudaDevice.View(y),
            Scale = scale,
        });

    internal static class Cuda
    {
        internal struct MapArguments
        {
            public ArrayView<float> A, B, Y;
            public float Scale;
        }

        /// <summary>y[i] = formula(a[i], b[i], scale): a thread owns four floats, the last one up to four.</summary>
        internal static void Map<TFormula>(MapArguments p) where TFormula : struct, IFormula
        {
            int at = Grid.GlobalIndex.X, first = at * 4, length = p.Y.IntLength;
            if (first + 4 <= length)
            {
                Float4 a = p.A.Cast<Float4>()[at], b = p.B.Cast<Float4>()[at];
                p.Y.Cast<Float4>()[at] = new(Of<TFormula>(a.X, b.X, p.Scale), Of<TFormula>(a.Y, b.Y, p.Scale),
                    Of<TFormula>(a.Z, b.Z, p.Scale), Of<TFormula>(a.W, b.W, p.Scale));
            }
            else
            {
                for (int i = first; i < length; i++)
                    p.Y[i] = Of<TFormula>(p.A[i], p.B[i], p.Scale);
            }
        }

        private static float Of<TFormula>(float a, float b, float scale) where TFormula : struct, IFormula =>
            TFormula.Apply(new F1(a), new F1(b), new F1(scale)).Value;

        internal struct FillArguments
        {
            public ArrayView<float> Value, Y;
            public float Scale;
        }

        /// <summary>y[i] = scale·value[0], or scale.</summary>
        internal static void Fill(FillArguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i < p.Y.IntLength)
                p.Y[i] = p.Value.IntLength == 0 ? p.Scale : p.Scale * p.Value[0];
        }
    }
}
