using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Tests.Simd;

public sealed class MovedTests
{
    [Fact]
    public void EveryWidthMovesLanes()
    {
        Check<F16>();
        Check<F8>();
        Check<F4>();
    }

    private static unsafe void Check<F>() where F : struct, ISimd<F>
    {
        float* values = stackalloc float[16], moved = stackalloc float[16];
        int* lanes = stackalloc int[16], masks = stackalloc int[16];
        for (int shift = 0; shift < F.Width; shift++)
        {
            for (int i = 0; i < F.Width; i++)
                (values[i], lanes[i], masks[i]) = (i + 1, (3 * i + shift) % F.Width, (i + shift) % 4 == 0 ? 0 : -1);
            F.Moved(F.Load(values), F.Load((float*)lanes), F.Load((float*)masks)).Store(moved);
            for (int i = 0; i < F.Width; i++)
                Assert.Equal((i + shift) % 4 == 0 ? 0 : (3 * i + shift) % F.Width + 1, moved[i]);
        }
    }
}
