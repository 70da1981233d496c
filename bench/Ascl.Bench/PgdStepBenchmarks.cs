using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using BenchmarkDotNet.Attributes;

namespace Ascl.Bench;

/// <summary>128 images of Pixels values.</summary>
public sealed record PgdStepShape(PerturbationNorm Norm, int Pixels) : IKernelShape
{
    public int Length => Conv2dShape.Batch * Pixels;

    public KernelWork WorkOf(string kernel) => new(6.0 * Length, 16.0 * Length);

    public override string ToString() => $"{Norm}.{Pixels}";
}

/// <summary>One fused step of projected gradient descent on plain pixels.</summary>
public class PgdStepBenchmarks
{
    private CpuDevice device = null!;
    private DeviceBuffer<float> original = null!, gradient = null!, x = null!;

    public static IEnumerable<PgdStepShape> Shapes =>
        from norm in Enum.GetValues<PerturbationNorm>() from pixels in new[] { 28 * 28, 3 * 32 * 32 } select new PgdStepShape(norm, pixels);

    [ParamsSource(nameof(Shapes))]
    public PgdStepShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        device = new CpuDevice(pinned: true);
        (original, gradient, x) = (Operands.Uniform(device, Shape.Length, 1, 0, 1), Operands.Uniform(device, Shape.Length, 2),
            Operands.Uniform(device, Shape.Length, 3, 0, 1));
    }

    [GlobalCleanup]
    public void CleanUp() => device.Dispose();

    [Benchmark]
    public void Step() => AttackKernels.PgdStep(Shape.Norm, Shape.Pixels, original, gradient, 8 / 255f, 2 / 255f, x);
}
