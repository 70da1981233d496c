using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Broadcast;

public static partial class BroadcastKernels
{
    private static void RunCuda<TFormula>(
        CudaDevice device, BroadcastGeometry geometry, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> c,
        DeviceBuffer<float> y)
        where TFormula : struct, ITernaryFormula =>
        device.Launch(Cuda.Map<TFormula>, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), new Cuda.MapArguments
        {
            A = CudaDevice.View(a),
            B = CudaDevice.View(b),
            C = CudaDevice.View(c),
            Y = CudaDevice.View(y),
            Walk = WalkIndex.Of(geometry.Walk),
            StridesA = WalkStrides.Of(geometry.Walk.Strides[0]),
            StridesB = WalkStrides.Of(geometry.Walk.Strides[1]),
            StridesC = WalkStrides.Of(geometry.Walk.Strides[2]),
        });

    internal static class Cuda
    {
        internal struct MapArguments
        {
            public ArrayView<float> A, B, C, Y;
            public WalkIndex Walk;
            public WalkStrides StridesA, StridesB, StridesC;
        }

        /// <summary>A thread owns one value of the result.</summary>
        internal static void Map<TFormula>(MapArguments p) where TFormula : struct, ITernaryFormula
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Y.IntLength)
                return;
            WalkPosition at = WalkIndex.At(p.Walk, i);
            float a = p.A[WalkPosition.Offset(at, p.StridesA)], b = p.B[WalkPosition.Offset(at, p.StridesB)];
            float c = p.C[WalkPosition.Offset(at, p.StridesC)];
            p.Y[i] = TFormula.Apply(new F1(a), new F1(b), new F1(c)).Value;
        }
    }
}
