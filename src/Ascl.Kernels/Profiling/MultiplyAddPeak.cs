using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Profiling;

/// <summary>The fused multiply-adds that a CPU can do at most: independent ones, all of them in registers.</summary>
internal static class MultiplyAddPeak
{
    private const int Repetitions = 5, Rounds = 1 << 20;

    private static readonly Func<int, float> Loop =
        SimdWidth.Choose<Func<int, float>>(() => Chains<F16>.Run, () => Chains<F8>.Run, () => Chains<F4>.Run);

    /// <summary>Floating-point operations a second of all threads, in billions; a multiply-add counts as two.</summary>
    public static double Of(CpuDevice device)
    {
        double[] results = new double[device.Threads];
        double ms = Timing.Of("multiply-add", Repetitions, () => device.For(device.Threads, (item, _) => results[item] = Loop(Rounds)))
            .MinMilliseconds;
        return 2.0 * Rounds * Chains<F4>.Count * SimdWidth.Current * device.Threads / ms / 1e6;
    }

    /// <summary>More chains than it takes to hide the latency of an instruction, and few enough for the registers of AVX2.</summary>
    private static class Chains<F> where F : struct, ISimd<F>
    {
        public const int Count = 12;

        /// <returns>A number that depends on all of them, so that the compiler leaves none out.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static float Run(int rounds)
        {
            // x ↦ (x + 1)/2 stays at 1.
            F half = F.Broadcast(0.5f), c0 = F.Broadcast(1), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0;
            F c6 = c0, c7 = c0, c8 = c0, c9 = c0, c10 = c0, c11 = c0;
            for (int i = 0; i < rounds; i++)
            {
                c0 = F.MulAdd(c0, half, half); c1 = F.MulAdd(c1, half, half); c2 = F.MulAdd(c2, half, half);
                c3 = F.MulAdd(c3, half, half); c4 = F.MulAdd(c4, half, half); c5 = F.MulAdd(c5, half, half);
                c6 = F.MulAdd(c6, half, half); c7 = F.MulAdd(c7, half, half); c8 = F.MulAdd(c8, half, half);
                c9 = F.MulAdd(c9, half, half); c10 = F.MulAdd(c10, half, half); c11 = F.MulAdd(c11, half, half);
            }
            return F.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
        }
    }
}
