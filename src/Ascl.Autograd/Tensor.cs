using Ascl.Core.Diagnostics;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd;

/// <summary>How a tensor lies in memory. Only convolution, BatchNorm, pooling and the conversions between them know more than <see cref="Plain"/>.</summary>
public enum TensorLayout
{
    /// <summary>Row-major, without gaps.</summary>
    Plain,

    /// <summary>A layer's activation [N, C, H, W] in channel blocks: <see cref="ActivationLayout.Blocked"/>.</summary>
    Activation,

    /// <summary>Normalised images [N, C, H, W] as bordered planes: <see cref="ActivationLayout.Planes"/>.</summary>
    Planes,
}

/// <summary>An array of float32 on a device, and how it was computed. Never changes once made, but for leaves such as parameters.</summary>
public sealed class Tensor
{
    private static long made;

    private readonly int rental;

    /// <summary>The number of the tensor made last.</summary>
    internal static long Latest => Interlocked.Read(ref made);

    /// <summary>Whether its memory went back to the pool since it was made.</summary>
    internal bool IsGone => Data.Rental != rental;

    private Tensor(Shape shape, TensorLayout layout, DeviceBuffer<float> data, bool requiresGrad)
    {
        (Shape, Layout, Data, RequiresGrad, rental) = (shape, layout, data, requiresGrad, data.Rental);
        Order = Interlocked.Increment(ref made);
    }

    public Shape Shape { get; }
    public TensorLayout Layout { get; }
    public DeviceBuffer<float> Data { get; }
    public Device Device => Data.Device;

    /// <summary>Whether gradients may be asked for: true of leaves made so and of everything computed from them.</summary>
    public bool RequiresGrad { get; private set; }

    /// <summary>Tensors are numbered as they are made, so an op's result comes after its inputs.</summary>
    internal long Order { get; }
    internal Edge[] Edges { get; private set; } = [];

    /// <summary>Whether the op ended in a ReLU, so that the gradient counts only where this tensor is above 0. Whoever computes that gradient may
    /// then mask it, and the op's own backward pass, told so by <see cref="Fusion.Masked"/>, need not.</summary>
    public bool Rectified { get; internal set; }

    /// <summary>What the convolution that made this tensor summed up of it for a BatchNorm; null where it was not asked to.</summary>
    internal ChannelSums? Sums { get; set; }

    /// <summary>What made it; "leaf" for what no op made.</summary>
    public Op Op { get; private set; } = "leaf";

    /// <summary>The op's inputs in its order, as far as there are gradients with respect to them.</summary>
    public IEnumerable<Tensor> Inputs => Edges.Select(edge => edge.Input);

    /// <summary>Where the values of an activation or image planes are.</summary>
    public ActivationLayout ActivationLayout => LayoutOf(Device, Shape, Layout);

    /// <summary>Memory for an op to fill, from the device's pool; its contents are arbitrary but for an activation's border, which is zero.</summary>
    public static Tensor Empty(Device device, Shape shape, TensorLayout layout = TensorLayout.Plain)
    {
        if (layout == TensorLayout.Plain)
            return new(shape, layout, device.Pool.Rent(shape.Length, 0), false);
        ActivationLayout a = LayoutOf(device, shape, layout);
        return new(shape, layout, device.Pool.Rent(a.Length, a.PoolTag), false);
    }

    /// <summary>A tensor with the layout and shape of another.</summary>
    public static Tensor EmptyLike(Tensor other) => Empty(other.Device, other.Shape, other.Layout);

    /// <summary>Plain values in memory of their own, outside the pool.</summary>
    public static Tensor FromArray(Device device, Shape shape, ReadOnlySpan<float> values, bool requiresGrad = false) =>
        values.Length == shape.Length
            ? new(shape, TensorLayout.Plain, device.Upload(values), requiresGrad)
            : throw new ShapeException($"{values.Length} values for shape {shape}");

    /// <summary>A plain tensor over existing memory.</summary>
    public static Tensor Over(DeviceBuffer<float> data, Shape shape, bool requiresGrad = false) =>
        data.Length == shape.Length
            ? new(shape, TensorLayout.Plain, data, requiresGrad)
            : throw new ShapeException($"a buffer of {data.Length} for shape {shape}");

    /// <summary>The same memory under another shape of the same length; plain tensors only, nothing is recorded.</summary>
    internal Tensor Viewed(Shape shape) => Over(Data, shape);

    /// <summary>The same values as a leaf: gradients end here.</summary>
    public Tensor Detach(bool requiresGrad = false) => new(Shape, Layout, Data, requiresGrad);

    /// <summary>Notes how this tensor was computed: one edge an input. Nothing is kept where no input needs a gradient.</summary>
    public Tensor Record(Op op, params ReadOnlySpan<Edge> edges)
    {
        Op = op;
        if (DebugSettings.Level >= 3)
            Console.Error.WriteLine($"ascl: {Order} = {op.Name} {Shape} of {string.Join(", ", edges.ToArray().Select(e => $"{e.Input.Order} {e.Input.Shape}"))}");
        if (DebugSettings.CheckNaN)
            CheckFinite();
        int needed = 0;
        foreach (Edge edge in edges)
            needed += edge.Input.RequiresGrad ? 1 : 0;
        if (needed == 0)
            return this;
        RequiresGrad = true;
        Edges = new Edge[needed];
        foreach (Edge edge in edges)
            if (edge.Input.RequiresGrad)
                Edges[^needed--] = edge;
        return this;
    }

    /// <summary>The values, an activation's as plain [N, C, H, W].</summary>
    public float[] ToArray()
    {
        if (Layout == TensorLayout.Plain)
            return Data.ToArray();
        DeviceBuffer<float> plain = Device.Allocate<float>(Shape.Length);
        ActivationKernels.ToPlain(ActivationLayout, Data, default, plain);
        return plain.ToArray();
    }

    /// <summary>The value of a tensor of one.</summary>
    public float Item => Shape.Length == 1 ? Data.ToArray()[0] : throw new ShapeException($"a tensor of shape {Shape} is not one value");

    public override string ToString() => $"{Op.Name} {Shape}";

    private static ActivationLayout LayoutOf(Device device, Shape shape, TensorLayout layout)
    {
        if (shape.Rank != 4 || layout == TensorLayout.Plain)
            throw new ShapeException($"an activation [N, C, H, W] is needed, not a {layout} tensor of shape {shape}");
        return layout == TensorLayout.Activation
            ? ActivationLayout.Blocked(device, shape[0], shape[1], shape[2], shape[3])
            : ActivationLayout.Planes(shape[0], shape[1], shape[2], shape[3]);
    }

    private void CheckFinite()
    {
        float[] values = ToArray();
        int at = Array.FindIndex(values, v => !float.IsFinite(v));
        if (at >= 0)
            throw new InvalidOperationException($"ASCL_CHECK: {Op.Name} {Shape} made {values[at]} at position {at}");
    }
}
