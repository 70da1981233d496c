using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using BenchmarkDotNet.Attributes;

namespace Ascl.Bench;

/// <summary>Rows rows of 10 classes, every second predicted at random, contrasted with the paper's leaked selection.</summary>
public sealed record ContrastiveShape(int Rows, int Dimension, RowDistance Distance) : IKernelShape
{
    public ContrastiveGeometry Geometry => new(Rows, Dimension, SelectionStrategy.Leaked, Distance, 0.2f);

    /// <summary>As if every pair were computed; the selection leaves most tiles out.</summary>
    public KernelWork WorkOf(string kernel)
    {
        double pairs = (double)Rows * Rows * Dimension, rows = (double)Rows * Dimension;
        return kernel == nameof(ContrastiveBenchmarks.Forward) ? new(2 * pairs, 4 * rows) : new(6 * pairs, 8 * rows);
    }

    public override string ToString() => $"n{Rows}.d{Dimension}.{Distance}";
}

/// <summary>The fused contrastive loss.</summary>
public class ContrastiveBenchmarks
{
    private CpuDevice device = null!;
    private DeviceBuffer<float> rows = null!, loss = null!, state = null!, dLoss = null!, dRows = null!;
    private DeviceBuffer<int> labels = null!, predictions = null!;

    public static IEnumerable<ContrastiveShape> Shapes =>
        from n in new[] { 256, 1024, 8192 } from distance in Enum.GetValues<RowDistance>() select new ContrastiveShape(n, 128, distance);

    [ParamsSource(nameof(Shapes))]
    public ContrastiveShape Shape { get; set; } = null!;

    [GlobalSetup]
    public void SetUp()
    {
        device = new CpuDevice(pinned: true);
        rows = Operands.Uniform(device, Shape.Rows * Shape.Dimension, 1, -0.15f, 0.15f);
        int[] classes = Operands.Classes(Shape.Rows, 2), random = Operands.Classes(Shape.Rows, 3);
        (labels, predictions) = (device.Upload<int>(classes),
            device.Upload<int>([.. classes.Select((c, i) => i % 2 == 0 ? c : random[i])]));
        (loss, dLoss) = (device.Allocate<float>(1), device.Upload<float>([1]));
        (state, dRows) = (device.Allocate<float>(Shape.Geometry.StateLength), device.Allocate<float>(rows.Length));
        Forward();
    }

    [GlobalCleanup]
    public void CleanUp() => device.Dispose();

    [Benchmark]
    public void Forward() => ContrastiveKernels.Forward(Shape.Geometry, rows, labels, predictions, loss, state);

    [Benchmark]
    public void Backward() => ContrastiveKernels.Backward(Shape.Geometry, rows, labels, predictions, state, dLoss, dRows);
}
