using Ascl.Autograd;
using Ascl.Autograd.Ops;

namespace Ascl.Models.Onnx.Import;

/// <summary>A value of a graph during a forward pass: a constant on the host, or a tensor on the device.</summary>
internal sealed class OnnxValue
{
    private OnnxValue(OnnxConstant? constant, Tensor? tensor, IReadOnlyList<Tensor>? weights) =>
        (Constant, Tensor, Weights) = (constant, tensor, weights);

    /// <summary>The value if it is known without weights and images; null otherwise.</summary>
    public OnnxConstant? Constant { get; }

    /// <summary>The tensor; null for a <see cref="Constant"/>.</summary>
    public Tensor? Tensor { get; }

    /// <summary>The weights that the tensor is computed from; null if it also depends on the images.</summary>
    public IReadOnlyList<Tensor>? Weights { get; }

    public Shape Shape => Constant?.Shape ?? Tensor!.Shape;

    public static implicit operator OnnxValue(OnnxConstant constant) => new(constant, null, []);

    /// <summary>A tensor that depends on the images.</summary>
    public static implicit operator OnnxValue(Tensor tensor) => new(null, tensor, null);

    /// <summary>A tensor that depends on weights only.</summary>
    public static OnnxValue OfWeights(Tensor tensor, IReadOnlyList<Tensor> weights) => new(null, tensor, weights);

    /// <summary>Whether it is an activation between layers, in channel blocks.</summary>
    public bool IsActivation => Tensor?.Layout == TensorLayout.Activation;
}
