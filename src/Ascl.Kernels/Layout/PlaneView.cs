using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Layout;

/// <summary>
/// Pointer and strides of an activation's pixels: <see cref="First"/> is pixel (0, 0) of the first plane; strides are in floats.
/// </summary>
internal readonly unsafe struct PlaneView
{
    public PlaneView(ActivationLayout layout, float* data) : this(layout, data, ActivationLayout.Halo)
    {
    }

    private PlaneView(ActivationLayout layout, float* data, int halo)
    {
        Row = (layout.W + 2 * halo) * layout.Block;
        Plane = (layout.H + 2 * halo) * Row;
        Image = layout.Blocks * Plane;
        First = data + halo * (Row + layout.Block);
    }

    public float* First { get; }
    public nint Row { get; }
    public nint Plane { get; }
    public nint Image { get; }

    /// <summary>
    /// A view with a border of at least <paramref name="halo"/> zero pixels: of the data itself if its border is wide enough, else of a
    /// wider copy in <paramref name="copy"/>, which the caller returns to the pool.
    /// </summary>
    public static PlaneView WithHalo(CpuDevice device, ActivationLayout layout, float* data, int halo, out DeviceBuffer<float>? copy)
    {
        copy = null;
        if (halo <= ActivationLayout.Halo)
            return new PlaneView(layout, data);
        int wide = (layout.W + 2 * halo) * layout.Block, planes = layout.N * layout.Blocks;
        copy = device.Pool.Rent(checked(planes * (layout.H + 2 * halo) * wide), layout.PoolTag | (long)halo << 60);
        PlaneView from = new(layout, data), to = new(layout, CpuDevice.Pointer(copy), halo);
        int rowBytes = layout.W * layout.Block * sizeof(float);
        device.For(planes, (plane, _) =>
        {
            for (int y = 0; y < layout.H; y++)
                Buffer.MemoryCopy(from.First + plane * from.Plane + y * from.Row, to.First + plane * to.Plane + y * to.Row, rowBytes,
                    rowBytes);
        });
        return to;
    }
}
