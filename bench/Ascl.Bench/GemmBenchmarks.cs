using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using BenchmarkDotNet.Attributes;

namespace Ascl.Bench;

/// <summary>C [M, N] = A [M, K] · B [K, N].</summary>
public sealed record GemmShape(string Name, int M, int N, int K) : IKernelShape
{
    public KernelWork WorkOf(string kernel) => new(2.0 * M * N * K, 4.0 * ((double)M * K + (double)K * N + (double)M * N));

    public override string ToString() => $"{Name}.{M}x{N}x{K}";
}

/// <summary>Matrix products: square ones, and the linear layers of a step.</summary>
public class GemmBenchmarks
{
    private CpuDevice device = null!;
    private DeviceBuffer<float> a = null!, b = null!, c = null!;

    public static IEnumerable<GemmShape> Shapes =>
    [
        new("square", 256, 256, 256), new("square", 1024, 1024, 1024), new("square", 2048, 2048, 2048),
        new("resnet18.linear", 128, 10, 512), new("resnet18.head", 256, 128, 512), new("smallcnn.fc1", 128, 200, 1024),
    ];

    [ParamsSource(nameof(Shapes))]
    public GemmShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        device = new CpuDevice(pinned: true);
        (a, b) = (Operands.Uniform(device, Shape.M * Shape.K, 1), Operands.Uniform(device, Shape.K * Shape.N, 2));
        c = device.Allocate<float>(Shape.M * Shape.N);
    }

    [GlobalCleanup]
    public void CleanUp() => device.Dispose();

    [Benchmark]
    public void Multiply() => GemmKernels.Multiply(false, false, Shape.M, Shape.N, Shape.K, a, b, null, c);

    [Benchmark]
    public void MultiplyTransposedB() => GemmKernels.Multiply(false, true, Shape.M, Shape.N, Shape.K, a, b, null, c);
}
