using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Benchmarks;

/// <summary>The leaked-selection contrastive loss over normal random rows of 10 classes, with 40 % random predictions: forward and
/// backward.</summary>
public sealed class ContrastiveBenchmark
{
    private readonly Tensor rows;
    private readonly DeviceBuffer<int> labels, predictions;

    /// <summary>Draws the rows, labels and predictions on a device.</summary>
    public ContrastiveBenchmark(Device device, int count, int dimension, ulong seed)
    {
        float[] values = new float[new Shape(count, dimension).Length];
        RandomKey key = new(seed, RandomPurpose.Test);
        Philox.FillNormal(values, key, 1);
        rows = Tensor.FromArray(device, new(count, dimension), values, requiresGrad: true);
        int Class(int row, uint purpose) => Philox.ToIndex(Philox.Word(key.At(purpose), (uint)row), 10);
        int[] y = [.. Enumerable.Range(0, count).Select(i => Class(i, 1))];
        labels = device.Upload<int>(y);
        predictions = device.Upload<int>([.. y.Select((c, i) => Philox.ToUniform(Philox.Word(key.At(2), (uint)i)) < 0.4f
            ? Class(i, 3)
            : c)]);
    }

    /// <summary>One forward and backward pass of the loss with this distance.</summary>
    public Action Work(ContrastiveDistance distance) => () =>
    {
        using IDisposable scope = rows.Device.Pool.BeginScope();
        ContrastiveSettings settings = new() { Distance = distance };
        Gradient.Of(settings.Loss(rows, labels, predictions), rows);
        rows.Device.Synchronize();
    };
}
