using Ascl.Autograd;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Robustness.Attacks;

/// <summary>A batch of labelled images on a device.</summary>
/// <param name="Images">[N, C, H, W] in [0, 1], in plain layout.</param>
/// <param name="Labels">[N].</param>
/// <param name="Ids">[N]; the id of each image, which keys its random numbers.</param>
/// <param name="Targets">[N]; the class that each image is to be predicted as; null if every class but its label will do.</param>
public sealed record ImageBatch(Tensor Images, DeviceBuffer<int> Labels, DeviceBuffer<int> Ids, DeviceBuffer<int>? Targets = null)
{
    /// <summary>Number of images.</summary>
    public int Count => Images.Shape[0];

    /// <summary>The images at these indices, which may repeat.</summary>
    public ImageBatch Select(IReadOnlyList<int> indices)
    {
        if (indices.SequenceEqual(Enumerable.Range(0, Count)))
            return this;
        DeviceBuffer<int> uploaded = Images.Device.Upload<int>([.. indices]);
        return new(Gather(Images, uploaded), Gather(Labels, uploaded), Gather(Ids, uploaded),
            Targets is null ? null : Gather(Targets, uploaded));
    }

    /// <summary>What attacks look for: which images are predicted as their targets, or if there are none, not as their labels.</summary>
    /// <param name="predictions">The predicted class of each image.</param>
    public bool[] AreTurned(int[] predictions) => AreTurned(predictions, Labels, Targets);

    /// <summary>The same, for labels and targets of a batch.</summary>
    internal static bool[] AreTurned(int[] predictions, DeviceBuffer<int> labels, DeviceBuffer<int>? targets) => targets is null
        ? [.. labels.ToArray().Zip(predictions, (label, prediction) => prediction != label)]
        : [.. targets.ToArray().Zip(predictions, (target, prediction) => prediction == target)];

    /// <summary>A contiguous part of the batch.</summary>
    public ImageBatch Slice(int first, int count)
    {
        Shape shape = new([count, .. Images.Shape.Sizes[1..]]);
        int image = shape.Length / count;
        Tensor images = Tensor.Empty(Images.Device, shape);
        ElementwiseKernels.Copy(Images.Data, first * image, images.Data, 0, shape.Length);
        return new(images, Part(Labels), Part(Ids), Targets is null ? null : Part(Targets));

        DeviceBuffer<int> Part(DeviceBuffer<int> all)
        {
            DeviceBuffer<int> part = all.Device.Allocate<int>(count);
            ElementwiseKernels.Copy(all, first, part, 0, count);
            return part;
        }
    }

    /// <summary>The images of [N, C, H, W] at these indices.</summary>
    public static Tensor SelectImages(Tensor images, IReadOnlyList<int> indices) => Gather(images, images.Device.Upload<int>([.. indices]));

    private static Tensor Gather(Tensor images, DeviceBuffer<int> indices)
    {
        Tensor selected = Tensor.Empty(images.Device, new([indices.Length, .. images.Shape.Sizes[1..]]));
        GatherKernels.Rows(images.Shape.Length / images.Shape[0], images.Data, indices, selected.Data);
        return selected;
    }

    private static DeviceBuffer<int> Gather(DeviceBuffer<int> values, DeviceBuffer<int> indices)
    {
        DeviceBuffer<int> selected = values.Device.Allocate<int>(indices.Length);
        GatherKernels.Rows(1, values, indices, selected);
        return selected;
    }

    /// <summary>Copies the pixels of a batch, with the labels and ids of its images, to a device.</summary>
    public static ImageBatch Upload(Device device, ImageSet set, Batch batch)
    {
        Tensor images = Tensor.Empty(device, new(batch.Count, set.Channels, set.Height, set.Width));
        images.Data.CopyFrom(batch.Images);
        return new(images, device.Upload(batch.Labels), device.Upload(batch.Ids));
    }
}

/// <summary>Batches on a device that are reused, one for each size. They stay at the same addresses, so that
/// <see cref="Device.RunCaptured"/> can replay work on them.</summary>
/// <param name="device">Where the batches are.</param>
public sealed class ResidentBatches(Device device)
{
    private readonly Dictionary<Shape, ImageBatch> batches = [];

    /// <summary>Copies a batch to the device; the result is valid until the next batch of the same size.</summary>
    public ImageBatch Of(ImageSet set, Batch batch)
    {
        Shape shape = new(batch.Count, set.Channels, set.Height, set.Width);
        if (!batches.TryGetValue(shape, out ImageBatch? resident))
            batches[shape] = resident = new(Tensor.Over(device.Allocate<float>(shape.Length), shape), device.Allocate<int>(batch.Count),
                device.Allocate<int>(batch.Count));
        resident.Images.Data.CopyFrom(batch.Images);
        resident.Labels.CopyFrom(batch.Labels);
        resident.Ids.CopyFrom(batch.Ids);
        return resident;
    }
}
