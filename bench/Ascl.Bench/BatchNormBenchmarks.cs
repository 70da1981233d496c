using Ascl.Kernels.Layout;
using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using BenchmarkDotNet.Attributes;

namespace Ascl.Bench;

/// <summary>An activation [128, C, Size, Size].</summary>
public sealed record BatchNormShape(string Name, int C, int Size) : IKernelShape
{
    public ActivationLayout Layout => ActivationLayout.Blocked(Operands.LayoutDevice, Conv2dShape.Batch, C, Size, Size);

    public KernelWork WorkOf(string kernel) => kernel switch
    {
        nameof(BatchNormBenchmarks.Statistics) => new(3.0 * Layout.Length, 4.0 * Layout.Length),
        nameof(BatchNormBenchmarks.Forward) => new(4.0 * Layout.Length, 12.0 * Layout.Length),
        _ => new(8.0 * Layout.Length, 28.0 * Layout.Length),
    };

    public override string ToString() => $"{Name}.{C}x{Size}x{Size}";
}

/// <summary>Batch normalisation in training mode with residual and ReLU, on the activations of ResNet-18 and ResNet-20.</summary>
public class BatchNormBenchmarks
{
    private CpuDevice device = null!;
    private ActivationLayout layout;
    private DeviceBuffer<float> x = null!, residual = null!, y = null!, dy = null!, dx = null!, dz = null!;
    private DeviceBuffer<float> mean = null!, variance = null!, inverseStd = null!, gamma = null!, beta = null!, dgamma = null!,
        dbeta = null!;

    public static IEnumerable<BatchNormShape> Shapes =>
    [
        new("resnet18.layer1", 64, 32), new("resnet18.layer2", 128, 16), new("resnet18.layer3", 256, 8), new("resnet18.layer4", 512, 4),
        new("resnet20.layer1", 16, 32), new("resnet20.layer2", 32, 16), new("resnet20.layer3", 64, 8),
    ];

    [ParamsSource(nameof(Shapes))]
    public BatchNormShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        device = new CpuDevice(pinned: true);
        layout = Shape.Layout;
        (x, residual, dy) = (Operands.Activation(device, layout, 1), Operands.Activation(device, layout, 2),
            Operands.Activation(device, layout, 3));
        (y, dx, dz) = (device.Allocate<float>(layout.Length), device.Allocate<float>(layout.Length), device.Allocate<float>(layout.Length));
        int channels = layout.Blocks * layout.Block;
        (mean, variance, inverseStd) = (device.Allocate<float>(channels), device.Allocate<float>(channels),
            device.Allocate<float>(channels));
        (gamma, beta) = (Operands.Uniform(device, layout.C, 4), Operands.Uniform(device, layout.C, 5));
        (dgamma, dbeta) = (device.Allocate<float>(layout.C), device.Allocate<float>(layout.C));
        Statistics();
        BatchNormKernels.InverseStd(layout.C, variance, 1e-5f, inverseStd);
        Forward();
    }

    [GlobalCleanup]
    public void CleanUp() => device.Dispose();

    [Benchmark]
    public void Statistics() => BatchNormKernels.Statistics(layout, x, mean, variance);

    [Benchmark]
    public void Forward() => BatchNormKernels.Forward(layout, x, mean, inverseStd, gamma, beta, residual, relu: true, y);

    [Benchmark]
    public void Backward() =>
        BatchNormKernels.Backward(layout, dy, y, x, mean, inverseStd, gamma, batchStatistics: true, dx, dgamma, dbeta, dz);
}
