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

    public static ImageBatch Upload(Device device, ImageSet set, Batch batch)
    {
        Tensor images = Tensor.Empty(device, new(batch.Count, set.Channels, set.Height, set.Width));
        images.Data.CopyFrom(batch.Images);
        return new(images, device.Upload(batch.Labels), device.Upload(batch.Ids));
    }
}
