using System.Runtime.CompilerServices;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Testing;
using Ascl.Testing.Ptx;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

/// <summary>A test of tensor cores: the machine's, or emulated ones; reported as skipped where there are neither.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TensorCoreTheoryAttribute : TheoryAttribute
{
    public TensorCoreTheoryAttribute() => Skip = TensorCores.Missing;
}

/// <inheritdoc cref="TensorCoreTheoryAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TensorCoreFactAttribute : FactAttribute
{
    public TensorCoreFactAttribute() => Skip = TensorCores.Missing;
}

/// <summary>A device with tensor cores for the tests, and what these make of numbers.</summary>
internal static class TensorCores
{
    private static readonly Lazy<CudaDevice> Opened = new(
        () => TestGpu.IsReal ? CudaDevice.Open(0) : CudaDevice.Simulated(new PtxKernelLoader(), native: Emulation));

    public static string? Missing { get; } = TestGpu.IsReal || EmulatedKernels.IsPossible
        ? null
        : "no C++ compiler (g++) to build the emulation";

    /// <summary>Runs the kernels where there is no GPU.</summary>
    public static EmulatedKernels Emulation { get; } = new();

    /// <summary>
    /// Allowed beside a product of the rounded numbers in double precision: what summing in float32 makes of it. Real tensor cores cut sums
    /// off instead of rounding them.
    /// </summary>
    public static double Allowed => TestGpu.IsReal ? 2e-5 : 1e-6;

    public static CudaDevice Device(Precision precision)
    {
        Assert.Null(Opened.Value.SetPrecision(precision));
        return Opened.Value;
    }

    /// <summary>A number as it is multiplied.</summary>
    public static float Rounded(Precision precision, float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle(precision switch
        {
            Precision.Bf16 => (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000,
            Precision.Tf32 => (bits + 0x1000) & 0xffffe000,
            _ => bits,
        });
    }

    public static double[] Rounded(Precision precision, float[] values) => [.. values.Select(value => (double)Rounded(precision, value))];
}
