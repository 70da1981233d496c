using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;
using Ascl.Kernels.Devices;

namespace Ascl.Models.Onnx.Import;

/// <summary>Computes a node's outputs.</summary>
internal delegate OnnxValue[] OnnxOperator(OnnxCall call);

/// <summary>One run of a node: its attributes and the values of its inputs.</summary>
/// <param name="node">The node.</param>
/// <param name="inputs">Null for an input that is left out.</param>
/// <param name="pass">The forward pass.</param>
internal sealed class OnnxCall(OnnxNode node, OnnxValue?[] inputs, OnnxPass pass)
{
    /// <summary>The node, for its attributes.</summary>
    public OnnxNode Node => node;

    /// <summary>Version of ONNX's own operators in this file.</summary>
    public int Opset => pass.Opset;

    /// <summary>Whether weights are constants.</summary>
    public bool IsInference => pass.Mode == ForwardMode.Inference;

    /// <summary>Whether functions without a gradient pass it on unchanged.</summary>
    public bool IsStraightThrough => pass.IsStraightThrough;

    /// <summary>Number of inputs, those left out in between included.</summary>
    public int Count => inputs.Length;

    public Device Device => pass.Device;

    /// <summary>Whether the node has an input at this position.</summary>
    public bool Has(int at) => at < inputs.Length && inputs[at] is not null;

    public OnnxValue Value(int at) => Has(at) ? inputs[at]! : throw new ShapeException($"input {at + 1} is missing");

    public Shape Shape(int at) => Value(at).Shape;

    /// <summary>The constant at a position; null if the input is left out.</summary>
    /// <exception cref="ShapeException">It depends on weights or images.</exception>
    public OnnxConstant? OptionalConstant(int at) => !Has(at)
        ? null
        : inputs[at]!.Constant ?? throw new ShapeException($"input '{node.Input(at)}' depends on the images, which is not supported");

    public OnnxConstant Constant(int at) => OptionalConstant(at) ?? throw new ShapeException($"input {at + 1} is missing");

    /// <summary>The single number that an input is; null if it has several values, or depends on weights or images.</summary>
    public float? ScalarOrNull(int at) => Value(at).Constant is { Length: 1 } constant ? constant.Float : null;

    /// <summary>An input as a tensor in the layout it has; constants are sent to the device once.</summary>
    public Tensor Tensor(int at) => Value(at).Tensor ?? pass.Uploaded(node.Input(at), inputs[at]!.Constant!);

    /// <summary>An input as a plain tensor.</summary>
    public Tensor Plain(int at) => Tensor(at).ToPlain();

    /// <summary>An input as an activation in channel blocks.</summary>
    public Tensor Activation(int at) => AsActivation(Tensor(at));

    /// <summary>A tensor [N, C, H, W] as an activation in channel blocks.</summary>
    public static Tensor AsActivation(Tensor x) => x.Layout == TensorLayout.Activation ? x : x.ToPlain().ToActivation();

    /// <summary>Applies a map of this node along an axis of a tensor, in plain order.</summary>
    /// <param name="x">The tensor.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="make">Makes the map, the first time images of this shape pass.</param>
    /// <param name="part">Tells several maps of a node along one axis apart.</param>
    public Tensor Mapped(Tensor x, int axis, Func<AxisMap> make, int part = 0) =>
        x.ToPlain().MapAxis(axis, pass.Map($"{node.Outputs[0]} {axis} {part}", make));

    /// <summary>An axis counted from the front.</summary>
    /// <exception cref="ShapeException">There is no such axis.</exception>
    public static int Axis(long axis, int rank) => axis >= -rank && axis < rank
        ? (int)(axis < 0 ? axis + rank : axis)
        : throw new ShapeException($"there is no axis {axis} of {rank}");

    /// <summary>Axes given as an attribute in older operator sets, as an input in newer ones; null if they are not given.</summary>
    public int[]? Axes(int at, int rank, string attribute = "axes") =>
        (OptionalConstant(at)?.Integers ?? node.Integers(attribute)) is { } axes
            ? [.. axes.Select(axis => Axis(axis, rank)).Distinct().Order()]
            : null;
}
