using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Training.Shards;

/// <summary>
/// BatchNorm's running statistics in a step whose batch is cut into shards: every shard starts from those before the step and updates its
/// own; after the step the model has their mean over the shards.
/// </summary>
internal sealed class ShardStatistics
{
    private readonly DeviceBuffer<float>[] model;
    private readonly DeviceBuffer<float>[][] shards;

    /// <param name="model">Whose statistics are kept.</param>
    /// <param name="count">Number of shards.</param>
    public ShardStatistics(Classifier model, int count)
    {
        this.model = [.. model.Parameters.All.Where(tensor => !tensor.Trained).Select(tensor => tensor.Tensor.Data)];
        shards = [.. Enumerable.Range(0, count).Select(_ => this.model.Select(own => model.Device.Allocate<float>(own.Length)).ToArray())];
        Length = this.model.Sum(own => own.Length);
    }

    /// <summary>Number of values.</summary>
    public int Length { get; }

    /// <summary>Gives every shard the model's statistics.</summary>
    public void Begin()
    {
        foreach (DeviceBuffer<float>[] shard in shards)
            Copy(model, shard);
    }

    /// <summary>Gives the model a shard's statistics.</summary>
    public void Load(int shard) => Copy(shards[shard], model);

    /// <summary>Takes over the model's statistics as a shard's.</summary>
    public void Store(int shard) => Copy(model, shards[shard]);

    /// <summary>Writes a shard's statistics one after another.</summary>
    public void CopyTo(int shard, Span<float> values)
    {
        foreach (DeviceBuffer<float> own in shards[shard])
        {
            own.CopyTo(values[..own.Length]);
            values = values[own.Length..];
        }
    }

    /// <summary>Gives the model a sum of shards' statistics divided by the number of shards.</summary>
    public void SetMean(ReadOnlySpan<float> sum, int count)
    {
        foreach (DeviceBuffer<float> own in model)
        {
            float[] mean = new float[own.Length];
            for (int i = 0; i < mean.Length; i++)
                mean[i] = sum[i] / count;
            own.CopyFrom(mean);
            sum = sum[own.Length..];
        }
    }

    private static void Copy(DeviceBuffer<float>[] from, DeviceBuffer<float>[] to)
    {
        foreach (var (source, target) in from.Zip(to))
            ElementwiseKernels.Copy(source, 0, target, 0, source.Length);
    }
}
