using Ascl.Kernels.Layout;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using BenchmarkDotNet.Attributes;

namespace Ascl.Bench;

/// <summary>A layer of a network: K filters of Kernel × Kernel over [128, C, Size, Size].</summary>
public sealed record Conv2dShape(string Name, int C, int Size, int K, int Kernel, int Stride) : IKernelShape
{
    public const int Batch = 128;

    /// <summary>Images come as planes, activations in channel blocks.</summary>
    public Conv2dGeometry Geometry => Conv2dGeometry.Of(Operands.LayoutDevice,
        C == 3
            ? ActivationLayout.Planes(Batch, C, Size, Size)
            : ActivationLayout.Blocked(Operands.LayoutDevice, Batch, C, Size, Size), [K, C, Kernel, Kernel], Stride, Kernel / 2);

    public KernelWork WorkOf(string kernel) => new(Geometry.Flops, Geometry.Bytes, Conv2dKernels.FlopsOnCpu(Geometry));

    public override string ToString() => $"{Name}.{C}x{Size}x{Size}-{K}.{Kernel}x{Kernel}s{Stride}";
}

/// <summary>Convolution on the layers of ResNet-18 and ResNet-20 for 32×32 images.</summary>
public class Conv2dBenchmarks
{
    private CpuDevice device = null!;
    private Conv2dGeometry g;
    private DeviceBuffer<float> x = null!, weight = null!, y = null!, dy = null!, dx = null!, dw = null!;

    public static IEnumerable<Conv2dShape> Shapes => [.. Layers("resnet18", 64, 128, 256, 512), .. Layers("resnet20", 16, 32, 64)];

    [ParamsSource(nameof(Shapes))]
    public Conv2dShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        device = new CpuDevice(pinned: true);
        g = Shape.Geometry;
        (x, dy, weight) = (Operands.Activation(device, g.Input, 1), Operands.Activation(device, g.Output, 2),
            Operands.Uniform(device, g.WeightLength, 3));
        (y, dx, dw) = (device.Allocate<float>(g.Output.Length), device.Allocate<float>(g.Input.Length),
            device.Allocate<float>(g.WeightLength));
    }

    [GlobalCleanup]
    public void CleanUp() => device.Dispose();

    [Benchmark]
    public void Forward() => Pooled(() => Conv2dKernels.Forward(g, x, weight, default, y));

    [Benchmark]
    public void BackwardInput() => Pooled(() => Conv2dKernels.BackwardInput(g, dy, weight, default, dx));

    [Benchmark]
    public void BackwardWeight() => Pooled(() => Conv2dKernels.BackwardWeight(g, x, dy, dw));

    /// <summary>As in a training step, where a kernel's memory is that of the step before.</summary>
    private void Pooled(Action kernel)
    {
        using IDisposable scope = device.Pool.BeginScope();
        kernel();
    }

    private static IEnumerable<Conv2dShape> Layers(string network, params int[] widths)
    {
        yield return new($"{network}.stem", 3, 32, widths[0], 3, 1);
        for (int stage = 0; stage < widths.Length; stage++)
        {
            int size = 32 >> stage, width = widths[stage];
            if (stage > 0)
            {
                yield return new($"{network}.layer{stage + 1}.first", widths[stage - 1], 2 * size, width, 3, 2);
                yield return new($"{network}.layer{stage + 1}.shortcut", widths[stage - 1], 2 * size, width, 1, 2);
            }
            yield return new($"{network}.layer{stage + 1}", width, size, width, 3, 1);
        }
    }
}
