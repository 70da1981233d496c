using Ascl.Autograd;
using Ascl.Autograd.Ops;

namespace Ascl.Models.Onnx.Import.Operators;

/// <summary>Products of matrices.</summary>
internal static class Products
{
    public static IEnumerable<KeyValuePair<string, OnnxOperator>> All { get; } = new Dictionary<string, OnnxOperator>
    {
        ["Gemm"] = Gemm,
        ["MatMul"] = call => [call.Plain(0).MatMul(call.Plain(1))],
        ["ascl.Linear"] = Linear,
    };

    private static OnnxValue[] Gemm(OnnxCall call) =>
    [
        call.Plain(0).Gemm(call.Plain(1), call.Has(2) ? call.Plain(2) : null, call.Node.Float("alpha", 1), call.Node.Float("beta", 1),
            call.Node.Integer("transA", 0) != 0, call.Node.Integer("transB", 0) != 0),
    ];

    /// <summary>x [..., I] · weight [I, O] + bias [O]: a MatMul with the Add after it.</summary>
    private static OnnxValue[] Linear(OnnxCall call)
    {
        Tensor x = call.Plain(0), weight = call.Plain(1), bias = call.Plain(2);
        int inputs = weight.Shape[0], outputs = weight.Shape[1];
        Tensor rows = x.Reshape(new(x.Shape.Length / inputs, inputs)).Gemm(weight, bias, 1, 1, transposeA: false, transposeB: false);
        return [rows.Reshape(new([.. x.Shape.Sizes[..^1], outputs]))];
    }
}
