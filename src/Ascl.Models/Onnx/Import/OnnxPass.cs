using System.Collections.Concurrent;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;
using Ascl.Kernels.Devices;
using Ascl.Models.Onnx.Import.Operators;

namespace Ascl.Models.Onnx.Import;

/// <summary>What is computed once for images of one shape: shape arithmetic, constants on the device, and the nodes that remain.</summary>
internal sealed class OnnxPlan
{
    /// <summary>Values that depend neither on images nor on weights.</summary>
    public ConcurrentDictionary<string, OnnxValue> Constants { get; } = [];

    /// <summary>Names of constants, and of values of weights, that depend on the shape of the images, as a class token for each image
    /// does.</summary>
    public ConcurrentDictionary<string, bool> OfShape { get; } = [];

    /// <summary>Constants that ops use on the device, by name.</summary>
    public ConcurrentDictionary<string, Tensor> Uploads { get; } = [];

    /// <summary>Maps along an axis, by node and axis. A map keeps its copies on the device.</summary>
    public ConcurrentDictionary<string, AxisMap> Maps { get; } = [];

    /// <summary>The nodes whose values depend on images or weights; null until the first pass has gone through.</summary>
    public OnnxNode[]? Steps { get; set; }
}

/// <summary>One forward pass through a graph.</summary>
internal sealed class OnnxPass(OnnxModel model, OnnxPlan plan, ForwardMode mode, Device device)
{
    private readonly Dictionary<string, OnnxValue> values = [];

    /// <summary>What the nodes so far have computed, and what they may.</summary>
    private double constantValues, computedValues, work, mostValues, mostWork;

    /// <summary>Whether this pass makes the plan. Later ones compute the same for images of the same shape, so only this one is
    /// limited.</summary>
    private readonly bool isPlanning = plan.Steps is null;

    public int Opset => model.Opset;
    public ForwardMode Mode => mode;
    public Device Device => device;
    public bool IsStraightThrough => model.IsStraightThrough;

    /// <summary>Computes the values of names from the images.</summary>
    /// <param name="images">The graph's input.</param>
    /// <param name="wanted">Names of values.</param>
    /// <param name="computed">Called with each node and its first output; null for nobody.</param>
    public OnnxValue[] Run(Tensor images, string[] wanted, Action<OnnxNode, OnnxValue>? computed = null)
    {
        values[model.InputName] = images;
        double pixels = (double)images.Shape[0] * images.Shape[2] * images.Shape[3];
        double uses = Sizing.UsesOfImage * images.Shape.Length + Sizing.UsesOfWeight * pixels * model.WeightValues;
        (mostValues, mostWork) = (Sizing.FreeValues + uses, Sizing.FreeWork + uses);
        List<OnnxNode> steps = [];
        foreach (OnnxNode node in isPlanning ? model.Nodes : plan.Steps!)
        {
            if (!Run(node))
                steps.Add(node);
            if (computed is not null && node.Outputs[0] is { Length: > 0 } output)
                computed(node, Value(output)!);
        }
        if (isPlanning)
            plan.Steps = [.. steps];
        return [.. wanted.Select(name => Value(name) ?? throw new UserErrorException($"{model.Path}: its output has no name"))];
    }

    /// <summary>A constant on the device, sent there once.</summary>
    public Tensor Uploaded(string name, OnnxConstant constant) =>
        plan.Uploads.GetOrAdd(name, _ => Tensor.FromArray(device, constant.Shape, constant.Floats));

    /// <summary>A node's map along an axis, made once.</summary>
    public AxisMap Map(string key, Func<AxisMap> make) => plan.Maps.GetOrAdd(key, _ => make());

    /// <summary>Computes a node; true if its values are constants, which the plan keeps.</summary>
    private bool Run(OnnxNode node)
    {
        OnnxValue?[] inputs = [.. node.Inputs.Select(Value)];
        OnnxValue[] outputs;
        bool isConstant = false, isOfShape = Array.Exists(node.Inputs, plan.OfShape.ContainsKey);
        try
        {
            OnnxCall call = new(node, inputs, this);
            if (Array.TrueForAll(inputs, input => input is null or { Constant: not null }) && !OnnxOperators.IsRandom(node.Type)
                && OnnxOperators.Folding.TryGetValue(node.Type, out OnnxOperator? fold))
            {
                outputs = fold(call);
                isConstant = true;
            }
            else
            {
                if (isPlanning)
                    Limit(node, inputs);
                outputs = OfWeights(node, inputs, call, isOfShape) ?? model.Operator(node)(call);
                isConstant = Array.TrueForAll(outputs, output => output.Constant is not null);
                isOfShape |= isConstant;
            }
        }
        catch (Exception e) when (e is ShapeException or OverflowException or IndexOutOfRangeException or ArgumentException)
        {
            throw new UserErrorException($"{model.Path}: {node}: {e.Message}", e);
        }
        // An output that is not computed, such as a Dropout's mask, is told where something uses it.
        foreach (var (name, value) in node.Outputs.Zip(outputs).Where(output => output.First.Length > 0))
        {
            if (isOfShape && value.Weights is not null)
                plan.OfShape[name] = true;
            if (isConstant)
                plan.Constants[name] = value;
            else
                values[name] = value;
            computedValues += isConstant ? 0 : value.Shape.Length;
            constantValues += isConstant ? value.Shape.Length : 0;
        }
        if (isPlanning && (constantValues > OnnxConstant.MostComputedOfAll || computedValues > mostValues))
            throw new UserErrorException($"{model.Path}: {node}: {TooMany("the values up to here").Message}");
        return isConstant;
    }

    /// <summary>Refuses a node before it computes, if it is too large.</summary>
    /// <exception cref="ShapeException">It is.</exception>
    private void Limit(OnnxNode node, OnnxValue?[] inputs)
    {
        var (results, operations) = Sizing.Of(node, inputs);
        work += operations;
        if (computedValues + results > mostValues)
            throw TooMany($"{results:g3} values");
        if (work > mostWork)
            throw TooMany($"{operations:g3} multiplications");
    }

    private ShapeException TooMany(string what) =>
        new($"{what} are too many for a network of {model.WeightValues} weights: is a size damaged?");

    /// <summary>
    /// The outputs of a node that depends on weights only, computed again only after one of them changed, where weights are constants; null
    /// for other nodes. What also depends on the shape of the images is kept for each. Shapes are constants, whatever they are of.
    /// </summary>
    private OnnxValue[]? OfWeights(OnnxNode node, OnnxValue?[] inputs, OnnxCall call, bool isOfShape)
    {
        bool isOfImages = Array.Exists(inputs, input => input is { Weights: null });
        if (isOfImages || OnnxOperators.IsRandom(node.Type) || node.Type is "Shape" or "Size")
            return null;
        Tensor[] weights = [.. inputs.SelectMany(input => input?.Weights ?? []).Distinct()];
        if (weights.Length == 0 || mode != ForwardMode.Inference)
            return [.. Tensors().Select(tensor => OnnxValue.OfWeights(tensor, weights))];
        DeviceBuffer<float>[] others = [.. weights[1..].Select(weight => weight.Data)];
        string name = isOfShape ? $"onnx {node.Outputs[0]} for {Value(model.InputName)!.Shape}" : $"onnx {node.Outputs[0]}";
        Tensor[] kept = weights[0].Data.Derived<Tensor[]>(name, Kept, others);
        return [.. kept.Select(tensor => OnnxValue.OfWeights(tensor, weights))];

        Tensor[] Tensors()
        {
            OnnxValue[] outputs = model.Operator(node)(call);
            return [.. outputs.Select((output, i) => output.Tensor ?? Uploaded(node.Outputs[i], output.Constant!))];
        }

        // Captured launches read the memory of the values before.
        Tensor[] Kept(Tensor[]? old)
        {
            Tensor[] made = Tensors();
            if (old is null)
                return [.. made.Select(tensor => Tensor.FromArray(device, tensor.Shape, tensor.ToArray()))];
            foreach (var (i, tensor) in made.Index())
                old[i].Data.CopyFrom(tensor.ToArray());
            return old;
        }
    }

    private OnnxValue? Value(string name) => name.Length == 0
        ? null
        : values.TryGetValue(name, out OnnxValue? value) || plan.Constants.TryGetValue(name, out value)
            ? value
            : model.Known(name, mode) ?? throw new UserErrorException($"{model.Path}: nothing computes '{name}'");
}
