using Ascl.Core.Diagnostics;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd;

/// <summary>
/// The memory layout of a tensor. Only convolution, normalisation, pooling, ops on channels, elementwise ops and the conversions support
/// layouts other than <see cref="Plain"/>.
/// </summary>
public enum TensorLayout
{
    /// <summary>Row-major, contiguous.</summary>
    Plain,

    /// <summary>A layer's activation [N, C, H, W] in channel blocks: <see cref="ActivationLayout.Blocked"/>.</summary>
    Activation,

    /// <summary>Normalised images [N, C, H, W] as bordered planes: <see cref="ActivationLayout.Planes"/>.</summary>
    Planes,
}

/// <summary>A float32 array on a device, with the op that computed it. Immutable, except for leaves such as parameters.</summary>
public sealed class Tensor
{
    private static long made;

    private readonly int rental;

    /// <summary>The number of the tensor created last.</summary>
    internal static long Latest => Interlocked.Read(ref made);

    /// <summary>Whether the memory has returned to the pool since the tensor was created, because its buffer scope ended: it then holds, or
    /// soon will, the values of other tensors.</summary>
    public bool IsGone => Data.Rental != rental && !Data.IsCaptured;

    private Tensor(Shape shape, TensorLayout layout, DeviceBuffer<float> data, bool requiresGrad)
    {
        (Shape, Layout, Data, RequiresGrad, rental) = (shape, layout, data, requiresGrad, data.Rental);
        Order = Interlocked.Increment(ref made);
    }

    /// <summary>The sizes of the dimensions.</summary>
    public Shape Shape { get; }

    /// <summary>The memory layout.</summary>
    public TensorLayout Layout { get; }

    /// <summary>The memory, in <see cref="Layout"/>.</summary>
    public DeviceBuffer<float> Data { get; }

    /// <summary>The device that holds the memory.</summary>
    public Device Device => Data.Device;

    /// <summary>Whether gradients can be requested: true for leaves created so, and for everything computed from them.</summary>
    public bool RequiresGrad { get; private set; }

    /// <summary>Tensors are numbered in order of creation, so an op's result follows its inputs.</summary>
    internal long Order { get; }
    internal Edge[] Edges { get; private set; } = [];

    /// <summary>
    /// Whether the op ends in a ReLU, so that its gradient is masked where this tensor is not above 0. The op that computes the gradient
    /// may apply the mask; <see cref="Fusion.Masked"/> then tells this tensor's op not to.
    /// </summary>
    public bool Rectified { get; internal set; }

    /// <summary>The ReLU's upper bound, such as 6, where this tensor's gradient is masked too; null for none.</summary>
    public float? RectifiedLimit { get; internal set; }

    /// <summary>Channel sums for a BatchNorm, by the convolution that computed this tensor; null if not requested.</summary>
    internal ChannelSums? Sums { get; set; }

    /// <summary>The op that computed the tensor; "leaf" if none did.</summary>
    public Op Op { get; private set; } = "leaf";

    /// <summary>The op's inputs that require gradients, in the op's order.</summary>
    public IEnumerable<Tensor> Inputs => Edges.Select(edge => edge.Input);

    /// <summary>The layout of an activation or image planes.</summary>
    /// <exception cref="ShapeException">The tensor is plain.</exception>
    public ActivationLayout ActivationLayout => LayoutOf(Device, Shape, Layout);

    /// <summary>An uninitialised tensor for an op to fill, from the device's pool. Only an activation's border is zero.</summary>
    public static Tensor Empty(Device device, Shape shape, TensorLayout layout = TensorLayout.Plain)
    {
        if (layout == TensorLayout.Plain)
            return new(shape, layout, device.Pool.Rent(shape.Length, 0), false);
        ActivationLayout a = LayoutOf(device, shape, layout);
        return new(shape, layout, device.Pool.Rent(a.Length, a.PoolTag), false);
    }

    /// <summary>An uninitialised tensor with the shape and layout of another.</summary>
    public static Tensor EmptyLike(Tensor other) => Empty(other.Device, other.Shape, other.Layout);

    /// <summary>A plain leaf with a copy of the values, outside the pool.</summary>
    /// <exception cref="ShapeException">The number of values does not match the shape.</exception>
    public static Tensor FromArray(Device device, Shape shape, ReadOnlySpan<float> values, bool requiresGrad = false) =>
        values.Length == shape.Length
            ? new(shape, TensorLayout.Plain, device.Upload(values), requiresGrad)
            : throw new ShapeException($"{values.Length} values for shape {shape}");

    /// <summary>A plain leaf over existing memory.</summary>
    /// <exception cref="ShapeException">The buffer's length does not match the shape.</exception>
    public static Tensor Over(DeviceBuffer<float> data, Shape shape, bool requiresGrad = false) =>
        data.Length == shape.Length
            ? new(shape, TensorLayout.Plain, data, requiresGrad)
            : throw new ShapeException($"a buffer of {data.Length} for shape {shape}");

    /// <summary>A view of a plain tensor's memory with another shape of the same length; not recorded in the graph.</summary>
    internal Tensor Viewed(Shape shape) => Over(Data, shape);

    /// <summary>The same memory as a leaf: gradients stop here.</summary>
    /// <param name="requiresGrad">Whether gradients with respect to the leaf can be requested.</param>
    /// <exception cref="InvalidOperationException">The tensor is used after its buffer scope.</exception>
    public Tensor Detach(bool requiresGrad = false)
    {
        RequireValues();
        return new(Shape, Layout, Data, requiresGrad);
    }

    /// <summary>
    /// Records how this tensor was computed, with one edge per input. Edges to inputs that do not require gradients are dropped.
    /// </summary>
    /// <returns>This tensor.</returns>
    /// <exception cref="InvalidOperationException">An input is used after its buffer scope.</exception>
    public Tensor Record(Op op, params ReadOnlySpan<Edge> edges)
    {
        Op = op;
        if (DebugSettings.Level >= 3)
            Console.Error.WriteLine(
                $"ascl: {Order} = {op.Name} {Shape} of "
                + $"{string.Join(", ", edges.ToArray().Select(e => $"{e.Input.Order} {e.Input.Shape}"))}");
        if (DebugSettings.CheckNaN)
            CheckFinite();
        int needed = 0;
        foreach (Edge edge in edges)
        {
            edge.Input.RequireValues();
            needed += edge.Input.RequiresGrad ? 1 : 0;
        }
        if (needed == 0)
            return this;
        RequiresGrad = true;
        Edges = new Edge[needed];
        foreach (Edge edge in edges)
            if (edge.Input.RequiresGrad)
                Edges[^needed--] = edge;
        return this;
    }

    /// <summary>A copy of the values on the host, in plain order; waits for the device.</summary>
    /// <exception cref="InvalidOperationException">The tensor is used after its buffer scope.</exception>
    public float[] ToArray()
    {
        RequireValues();
        if (Layout == TensorLayout.Plain)
            return Data.ToArray();
        DeviceBuffer<float> plain = Device.Allocate<float>(Shape.Length);
        ActivationKernels.ToPlain(ActivationLayout, Data, default, plain);
        return plain.ToArray();
    }

    /// <summary>The value of a one-element tensor; waits for the device.</summary>
    /// <exception cref="ShapeException">The tensor has another number of values.</exception>
    /// <exception cref="InvalidOperationException">The tensor is used after its buffer scope.</exception>
    public float Item => Shape.Length == 1 ? ToArray()[0] : throw new ShapeException($"a tensor of shape {Shape} is not one value");

    /// <summary>The op's name and the shape.</summary>
    public override string ToString() => $"{Op.Name} {Shape}";

    private static ActivationLayout LayoutOf(Device device, Shape shape, TensorLayout layout)
    {
        if (shape.Rank != 4 || layout == TensorLayout.Plain)
            throw new ShapeException($"an activation [N, C, H, W] is needed, not a {layout} tensor of shape {shape}");
        return layout == TensorLayout.Activation
            ? ActivationLayout.Blocked(device, shape[0], shape[1], shape[2], shape[3])
            : ActivationLayout.Planes(shape[0], shape[1], shape[2], shape[3]);
    }

    private void RequireValues()
    {
        if (IsGone)
        {
            throw new InvalidOperationException(
                $"{this} is used after its buffer scope has ended: its memory is that of other tensors now; keep a copy (ToArray), or "
                + "make it in an outer scope");
        }
    }

    private void CheckFinite()
    {
        float[] values = ToArray();
        int at = Array.FindIndex(values, v => !float.IsFinite(v));
        if (at >= 0)
            throw new InvalidOperationException($"ASCL_CHECK: {Op.Name} {Shape} made {values[at]} at position {at}");
    }
}
