using System.Collections;
using Ascl.Data;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// The images of a set on a device, batch by batch, unchanged and in the set's order. Each batch is in a scope of the device's pool, which
/// ends when the next one is asked for: what is computed from a batch and is to be kept is copied to the host.
/// </summary>
/// <param name="device">Where the batches are uploaded to.</param>
/// <param name="batchSize">Images per batch; the last batch may be smaller.</param>
/// <param name="resident">Keeps each batch in the same memory, so that captured work is found again; null: memory of the scope.</param>
/// <param name="stop">Ends the walk before the next batch.</param>
internal sealed class DeviceBatches(
    Device device, ImageSet images, int batchSize, ResidentBatches? resident = null, CancellationToken stop = default)
    : IReadOnlyCollection<(Batch Host, ImageBatch OnDevice)>
{
    private readonly BatchPlan plan = BatchPlan.Evaluation(images, batchSize);

    /// <summary>Number of batches.</summary>
    public int Count => plan.Count;

    /// <summary>Each batch on the host and on the device. The one on the host is the same buffer, filled again for each.</summary>
    public IEnumerator<(Batch Host, ImageBatch OnDevice)> GetEnumerator()
    {
        Batch host = plan.NewBatch();
        for (int b = 0; b < plan.Count; b++)
        {
            stop.ThrowIfCancellationRequested();
            plan.Fill(b, host);
            using IDisposable scope = device.Pool.BeginScope();
            yield return (host, resident?.Of(images, host) ?? ImageBatch.Upload(device, images, host));
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
