using Ascl.Autograd;
using Ascl.Data;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Attacks;

/// <summary>Images to be attacked or learned from, on a device.</summary>
/// <param name="Images">Plain [N, C, H, W] in [0, 1].</param>
/// <param name="Labels">[N].</param>
/// <param name="Ids">[N] each image's own number, which keys its random numbers.</param>
public sealed record ImageBatch(Tensor Images, DeviceBuffer<int> Labels, DeviceBuffer<int> Ids)
{
    public int Count => Images.Shape[0];

    /// <summary>Some of the images, by their places here; a place may come more than once.</summary>
    public ImageBatch Select(IReadOnlyList<int> places)
    {
        if (places.SequenceEqual(Enumerable.Range(0, Count)))
            return this;
        int[] labels = Labels.ToArray(), ids = Ids.ToArray();
        return new(SelectImages(Images, places), Images.Device.Upload<int>([.. places.Select(p => labels[p])]), Images.Device.Upload<int>([.. places.Select(p => ids[p])]));
    }

    /// <summary>Some images of [N, C, H, W], by their places.</summary>
    public static Tensor SelectImages(Tensor images, IReadOnlyList<int> places)
    {
        int image = images.Shape.Length / images.Shape[0];
        float[] all = images.ToArray(), pixels = new float[places.Count * image];
        for (int i = 0; i < places.Count; i++)
            all.AsSpan(places[i] * image, image).CopyTo(pixels.AsSpan(i * image));
        Tensor selected = Tensor.Empty(images.Device, new([places.Count, .. images.Shape.Sizes[1..]]));
        selected.Data.CopyFrom(pixels);
        return selected;
    }

    public static ImageBatch Upload(Device device, ImageSet set, Batch batch)
    {
        Tensor images = Tensor.Empty(device, new(batch.Count, set.Channels, set.Height, set.Width));
        images.Data.CopyFrom(batch.Images);
        return new(images, device.Upload(batch.Labels), device.Upload(batch.Ids));
    }
}
