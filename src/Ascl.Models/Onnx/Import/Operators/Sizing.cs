using Ascl.Autograd;
using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>A limit of what an operator may make of its inputs, so that a damaged size does not take the machine's memory.</summary>
internal static class Sizing
{
    /// <summary>Values of one result: 2 GB.</summary>
    private const int Most = 1 << 29;

    /// <exception cref="ShapeException">The shape has too many values.</exception>
    public static Shape Checked(Shape shape) => shape.Length <= Most ? shape : throw new ShapeException($"a result of shape {shape} is too large");
}
