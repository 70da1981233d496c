using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models.Weights;

namespace Ascl.Models.Onnx.Import;

/// <summary>A graph ready to run: its nodes, and its weights on a device.</summary>
internal sealed class OnnxModel
{
    private readonly Dictionary<string, OnnxConstant> constants;
    private readonly Dictionary<string, Tensor> weights = [];
    private readonly Dictionary<string, OnnxOperator> operators = [];

    /// <summary>Puts the weights on the device and looks up the operators.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="opset">Version of ONNX's own operators.</param>
    /// <param name="graph">Nodes in the order of computation.</param>
    /// <param name="inputName">Name of the images.</param>
    /// <param name="parameters">Receives the weights.</param>
    /// <param name="isStraightThrough">Whether functions without a gradient pass it on unchanged.</param>
    /// <exception cref="UserErrorException">An operator is not supported.</exception>
    public OnnxModel(string path, int opset, OnnxSubgraph graph, string inputName, ParameterSet parameters, bool isStraightThrough)
    {
        (Path, Opset, InputName, IsStraightThrough) = (path, opset, inputName, isStraightThrough);
        Nodes = [.. graph.Nodes];
        constants = graph.Constants;
        foreach (OnnxNode node in Nodes)
        {
            operators[node.Type] = OnnxOperators.Of(node)
                ?? throw new UserErrorException($"{path}: the operator {node} is not supported: export the model with simpler operators, "
                    + "or run it without gradients through ONNX Runtime (option onnx-runtime)");
        }
        HashSet<string> used = [.. Nodes.SelectMany(node => node.Inputs)];
        HashSet<string> statistics = [.. Nodes.SelectMany(OnnxOperators.Statistics)];
        used.ExceptWith(Nodes.SelectMany(OnnxOperators.Settings));
        // Single numbers are constants of formulas, but for the slope of a PReLU.
        HashSet<string> slopes = [.. Nodes.Where(node => node.Type == "PRelu").Select(node => node.Input(1))];
        foreach (var (name, constant) in constants.Where(c => used.Contains(c.Key) && c.Value.IsFloat && c.Value.Shape.Rank > 0))
        {
            if (constant.Length <= 1 && !slopes.Contains(name))
                continue;
            Tensor weight = parameters.Constant(name, constant.Shape, 0, trained: !statistics.Contains(name));
            weight.Data.CopyFrom(constant.Floats);
            weights[name] = weight;
            WeightValues += weight.Shape.Length;
        }
    }

    public string Path { get; }
    public int Opset { get; }
    public string InputName { get; }
    public bool IsStraightThrough { get; }
    public OnnxNode[] Nodes { get; }

    /// <summary>Number of values of all weights.</summary>
    public long WeightValues { get; }

    public OnnxOperator Operator(OnnxNode node) => operators[node.Type];

    /// <summary>A weight or constant by its name; null if there is none.</summary>
    public OnnxValue? Known(string name, ForwardMode mode) =>
        weights.TryGetValue(name, out Tensor? weight)
            ? OnnxValue.OfWeights(mode == ForwardMode.Inference ? weight.Detach() : weight, [weight])
            : constants.TryGetValue(name, out OnnxConstant? constant) ? (OnnxValue)constant : null;
}
