using Ascl.Core.Diagnostics;
using Ascl.Models.Onnx.Import.Operators;

namespace Ascl.Models.Onnx.Import;

/// <summary>The operators that are supported, by type.</summary>
internal static class OnnxOperators
{
    private static readonly Dictionary<string, OnnxOperator> OnDevice = new(
    [
        .. Arithmetic.All, .. Arrangement.All, .. Convolutions.All, .. Normalizations.All, .. Products.All, .. Reductions.All,
        .. Resizing.All, .. Randomness.All,
    ]);

    /// <summary>How operators are computed on the host where all inputs are constants.</summary>
    public static Dictionary<string, OnnxOperator> Folding { get; } = new([.. Operators.Folding.All, .. Arrangement.All]);

    /// <summary>Names of ONNX's operators that may depend on the images.</summary>
    public static IEnumerable<string> OfImages => OnDevice.Keys.Where(type => !type.Contains('.'));

    /// <summary>Names of ONNX's operators that may depend on sizes and constants only, besides those.</summary>
    public static IEnumerable<string> OfConstants => Folding.Keys.Except(OnDevice.Keys);

    /// <summary>The operator of a node; null if it is not supported.</summary>
    public static OnnxOperator? Of(OnnxNode node) =>
        OnDevice.TryGetValue(node.Type, out OnnxOperator? op) ? op
        : Folding.ContainsKey(node.Type)
            ? _ => throw new ShapeException("it is supported on constants only, but its inputs depend on the images")
            : null;

    /// <summary>Whether a node may give other values in each pass.</summary>
    public static bool IsRandom(string type) => type is "RandomNormal" or "RandomUniform" or "RandomNormalLike" or "RandomUniformLike"
        or "Bernoulli" or "Multinomial";

    /// <summary>How many inputs an operator has at least, that of the rewriting rules' operators exactly.</summary>
    public static int FewestInputs(string type) => type switch
    {
        "Constant" or "RandomNormal" or "RandomUniform" => 0,
        "Add" or "Sub" or "Mul" or "Div" or "Pow" or "MatMul" or "Gemm" or "Reshape" or "PRelu" or "Conv" or "ConvTranspose"
            or "LayerNormalization" or "Gather" or "Expand" or "Tile" => 2,
        "InstanceNormalization" or "GroupNormalization" or "Where" => 3,
        "BatchNormalization" => 5,
        _ => 1,
    };

    /// <summary>Names of inputs that are running statistics, not trained.</summary>
    public static IEnumerable<string> Statistics(OnnxNode node) => node.Type switch
    {
        "BatchNormalization" => node.Inputs[3..],
        "ascl.Conv" => node.Inputs.Skip(5).Take(2),
        _ => [],
    };

    /// <summary>Names of inputs that are sizes, bounds or the like, which have to be known on the host and are no weights.</summary>
    public static IEnumerable<string> Settings(OnnxNode node) => node.Type switch
    {
        "Resize" or "Upsample" or "Pad" or "Clip" or "Dropout" or "Tile" or "Expand" or "Reshape" or "Slice" or "Squeeze" or "Unsqueeze"
            or "Split" or "Gather" or "Range" or "ConstantOfShape" => node.Inputs.Skip(node.Type is "Range" or "ConstantOfShape" ? 0 : 1),
        _ when node.Type.StartsWith("Reduce", StringComparison.Ordinal) => node.Inputs.Skip(1),
        _ => [],
    };
}
