using System.Reflection;
using System.Text.Json;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx.Import;
using Ascl.Models.Weights;

namespace Ascl.Models.Onnx;

/// <summary>
/// Exports a classifier as an ONNX model: from "images" [N, C, H, W] in [0, 1] to "logits" [N, classes], in evaluation mode, input
/// normalisation included. The nodes are the ops that a forward pass records, so networks need no export code of their own; constants have
/// PyTorch's names. A classifier from an ONNX file is written with that file's nodes.
/// </summary>
public sealed class OnnxExport
{
    /// <summary>Height and width of the recorded forward pass if the network accepts any.</summary>
    private const int AnySize = 32;

    private const string Images = "images", Logits = "logits", MeanName = "normalize.mean", StdName = "normalize.std";

    /// <summary>Upper bound of a protobuf file.</summary>
    private const long MostBytes = 2_000_000_000;

    private readonly OnnxGraph graph = new();
    private readonly Dictionary<Tensor, string> names = [];
    private readonly Dictionary<Tensor, string> parameters;
    private readonly string network;
    private int selections, constants;

    private OnnxExport(Classifier model) =>
        (parameters, network) = (model.Parameters.All.ToDictionary(p => p.Tensor, p => p.Name), model.Spec.Network);

    /// <summary>Writes a classifier as one ONNX file (operator set 20, or that of the file it is from), with its specification, provenance
    /// and class names in the metadata.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="model">The classifier.</param>
    /// <param name="classNames">Names of the classes in the order of the logits; empty where they are not known.</param>
    /// <exception cref="UserErrorException">The file cannot be written, the weights exceed 2 GB, protobuf's limit, there are more or fewer
    /// names than logits, or the network uses an op without an ONNX form.</exception>
    public static void Save(string path, Classifier model, IReadOnlyList<string> classNames)
    {
        if (classNames.Count > 0 && classNames.Count != model.Spec.Classes)
        {
            throw new UserErrorException(
                $"cannot export {model.Spec.Network}: {classNames.Count} class names for {model.Spec.Classes} logits");
        }
        if (model.Parameters.All.Sum(p => sizeof(float) * (long)p.Tensor.Shape.Length) > MostBytes)
            throw new UserErrorException($"{path}: {model.Spec.Network} has more than 2 GB of weights, which one ONNX file cannot hold");
        ReadOnlyMemory<byte> bytes = new OnnxExport(model).Of(model, classNames).Written();
        AtomicFile.Write(path, stream => stream.Write(bytes.Span));
    }

    private ProtobufMessage Of(Classifier model, IReadOnlyList<string> classNames)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        ClassifierSpec spec = model.Spec;
        OnnxSource? source = model.OnnxSource;
        string logits = source is null ? Recorded(model) : Copied(source, model);
        Dictionary<string, string> metadata = new() { [ClassifierFile.Key] = ClassifierFile.Described(spec) };
        if (model.Provenance is { } provenance)
            metadata[Provenance.Key] = provenance.Text();
        if (classNames.Count > 0)
            metadata["class_names"] = JsonSerializer.Serialize([.. classNames], ClassifierJson.Default.StringArray);
        object[] sizes = model.ImageSize is { } size ? [size.Height, size.Width] : ["H", "W"];
        object batch = source?.Batch is { } fixedBatch ? fixedBatch : "N";
        string version = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);
        return graph.Model(spec.Network, (Images, [batch, spec.Channels, .. sizes]), (Logits, [batch, spec.Classes]), logits, version,
            metadata, source?.Opset ?? OnnxGraph.UsualOpset);
    }

    /// <summary>The nodes of a forward pass; returns the name of its logits.</summary>
    private string Recorded(Classifier model)
    {
        var (height, width) = model.ImageSize ?? (AnySize, AnySize);
        Shape shape = new(1, model.Spec.Channels, height, width);
        Tensor images = Tensor.FromArray(model.Device, shape, new float[shape.Length], requiresGrad: true);
        names[images] = Images;
        return Name(model.Forward(images, ForwardMode.Evaluate).Logits);
    }

    /// <summary>The nodes of the ONNX file that a classifier is from, with its weights and normalisation; returns the name of its
    /// logits.</summary>
    private string Copied(OnnxSource source, Classifier model)
    {
        string normalized = Normalized(new(model.Spec.Mean, model.Spec.Std), Images);
        // Names of the file's values must not be those of the nodes before.
        string[] reserved = [Images, Logits, "sub_0", normalized, MeanName, StdName];
        return source.AddTo(graph, normalized, reserved, model.Parameters.All.ToDictionary(p => p.Name, p => p.Tensor));
    }

    /// <summary>The name of a tensor in the graph; adds the nodes and constants that it is computed from.</summary>
    private string Name(Tensor tensor)
    {
        if (names.TryGetValue(tensor, out string? known))
            return known;
        if (parameters.TryGetValue(tensor, out string? parameter))
            return names[tensor] = graph.Constant(parameter, tensor.Shape.Sizes, tensor.ToArray());
        if (!tensor.Inputs.Any())
            return names[tensor] = graph.Constant($"constant.{constants++}", tensor.Shape.Sizes, tensor.ToArray());
        string[] inputs = [.. tensor.Inputs.Select(Name)];
        string result = tensor.Op switch
        {
            NormalizeOp op => Normalized(op, inputs[0]),
            Conv2dOp op => Convolved(inputs, op.HasBias, Square(tensor.Inputs.ElementAt(1).Shape, op.Stride, op.Padding), 1),
            WindowConv2dOp op => Convolved(inputs, op.HasBias, op.Window, op.Groups),
            BatchNormOp { Mode: BatchNormMode.Evaluate } op => BatchNormalized(op, inputs),
            MaxPool2dOp op => graph.Add("MaxPool", inputs, [.. Windows(op.Window, op.CeilMode)]),
            AveragePool2dOp op => graph.Add("AveragePool", inputs,
                [.. Windows(op.Window, op.CeilMode), ("count_include_pad", op.CountPadding ? 1L : 0L)]),
            { Name: "global_max_pool" } => graph.Add("Flatten", [graph.Add("GlobalMaxPool", inputs)]),
            { Name: "global_average_pool" } => graph.Add("Flatten", [graph.Add("GlobalAveragePool", inputs)]),
            SelectChannelsOp op => Selected(op.Channels, inputs, tensor.Inputs.Sum(part => part.Shape[1])),
            { Name: "flatten" } => graph.Add("Flatten", inputs),
            { Name: "linear" } => graph.Add("Gemm", inputs, ("transB", 1L)),
            { Name: "relu" } => inputs[0],
            { Name: "silu" } => graph.Add("Mul", [inputs[0], graph.Add("Sigmoid", inputs)]),
            { Name: "softplus" } => Softplus(inputs[0]),
            { Name: "gelu" } => graph.Add("Gelu", inputs),
            EluOp op => graph.Add("Elu", inputs, ("alpha", op.Alpha)),
            { Name: "mish" } => graph.Add("Mish", inputs),
            _ => throw new UserErrorException($"cannot export {network}: the op '{tensor.Op.Name}' has no ONNX form"),
        };
        return names[tensor] = !tensor.Rectified ? result
            : tensor.RectifiedLimit is { } limit
                ? graph.Add("Clip", [result, graph.Constant("relu.low", [], [0f]), graph.Constant($"relu.high.{limit}", [], [limit])])
            : graph.Add("Relu", [result]);
    }

    private string Normalized(NormalizeOp op, string images)
    {
        if (op.Mean.Length == 0)
            return images;
        string centred = graph.Add("Sub", [images, graph.Constant(MeanName, [op.Mean.Length, 1, 1], op.Mean)]);
        return graph.Add("Div", [centred, graph.Constant(StdName, [op.Std.Length, 1, 1], op.Std)]);
    }

    private string Convolved(string[] inputs, bool hasBias, Window2d window, int groups)
    {
        int own = hasBias ? 3 : 2;
        List<(string, object)> attributes = [.. Windows(window)];
        if (groups > 1)
            attributes.Add(("group", (long)groups));
        return Added(inputs, own, graph.Add("Conv", inputs[..own], [.. attributes]));
    }

    /// <summary>All channels of the inputs in a row, and if these are not the ones selected, a Gather of those that are.</summary>
    private string Selected(IReadOnlyList<int> channels, string[] inputs, int all)
    {
        string together = inputs.Length > 1 ? graph.Add("Concat", inputs, ("axis", 1L)) : inputs[0];
        if (channels.SequenceEqual(Enumerable.Range(0, all)))
            return together;
        string indices = $"channels.{selections++}";
        graph.Constant(indices, [channels.Count], [.. channels.Select(channel => (long)channel)]);
        return graph.Add("Gather", [together, indices], ("axis", 1L));
    }

    private string BatchNormalized(BatchNormOp op, string[] inputs)
    {
        string[] operands = [.. inputs[..3], Name(op.State.RunningMean), Name(op.State.RunningVariance)];
        return Added(inputs, 3, graph.Add("BatchNormalization", operands, ("epsilon", op.State.Epsilon)));
    }

    /// <summary>log(1 + exp(s·x))/s, written with ONNX's Softplus, which has s = 1.</summary>
    private string Softplus(string x)
    {
        string sharpness = graph.Constant("softplus.sharpness", [], [SmoothActivationOps.SoftplusSharpness]);
        return graph.Add("Div", [graph.Add("Softplus", [graph.Add("Mul", [x, sharpness])]), sharpness]);
    }

    /// <summary>Adds the residual, which is the input after the op's <paramref name="own"/> first ones, if there is one.</summary>
    private string Added(string[] inputs, int own, string result) => inputs.Length > own ? graph.Add("Add", [result, inputs[own]]) : result;

    /// <summary>The attributes of a convolution or pooling; those that say what is meant without them are left out.</summary>
    private static IEnumerable<(string Name, object Value)> Windows(Window2d window, bool ceilMode = false)
    {
        yield return ("kernel_shape", (long[])[window.Height, window.Width]);
        yield return ("strides", (long[])[window.StrideY, window.StrideX]);
        if ((window.Top, window.Left, window.Bottom, window.Right) != default)
            yield return ("pads", (long[])[window.Top, window.Left, window.Bottom, window.Right]);
        if ((window.DilationY, window.DilationX) != (1, 1))
            yield return ("dilations", (long[])[window.DilationY, window.DilationX]);
        if (ceilMode)
            yield return ("ceil_mode", 1L);
    }

    private static Window2d Square(Shape weight, int stride, int padding) =>
        new(weight[2], weight[3], stride, stride, padding, padding, padding, padding);
}
