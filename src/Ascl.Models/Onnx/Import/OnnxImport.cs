using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx.Import.Rewriting;
using Ascl.Models.Weights;

namespace Ascl.Models.Onnx.Import;

/// <summary>Makes a classifier of an ONNX file: chooses input and output, rewrites the graph, and says what it found.</summary>
internal sealed class OnnxImport
{
    private const string Logits = "logits";

    /// <summary>Sizes of an image: channels, pixels of a side, values.</summary>
    private const int MostChannels = 1 << 16, MostPixels = 1 << 16, MostValues = 1 << 26;

    private readonly string path;
    private readonly OnnxOptions options;
    private readonly OnnxModelFile file;
    private readonly OnnxPort input;
    private readonly EditedGraph graph;
    private readonly string images;
    private readonly int channels;

    private OnnxImport(string path, OnnxOptions options)
    {
        (this.path, this.options, file) = (path, options, OnnxModelFile.Read(path));
        input = Input();
        int[] sizes = input.Sizes!;
        graph = new(path, file.Graph, Output());
        // Only 1 or 3 channels at the end tell images [N, H, W, C] from others.
        bool isChannelsLast = sizes[3] is 1 or 3 && sizes[1] is not (1 or 3);
        channels = isChannelsLast ? sizes[3] : sizes[1];
        if (channels is < 1 or > MostChannels)
        {
            throw new UserErrorException($"{path}: images [N, C, H, W] of a known number of channels are needed, its input "
                + $"'{input.Name}' is {input.SizesText}");
        }
        images = isChannelsLast ? $"{input.Name}, channels first" : input.Name;
        if (isChannelsLast)
        {
            Dictionary<string, OnnxAttribute> order = new() { ["perm"] = (long[])[0, 2, 3, 1] };
            graph.Add(new("Transpose", images, [images], [input.Name], order));
        }
        Size = (isChannelsLast ? sizes[1..3] : sizes[2..4]) is [> 0 and var height, > 0 and var width] ? (height, width) : null;
        if (Size is { } size && (Math.Max(size.Item1, size.Item2) > MostPixels || (double)size.Item1 * size.Item2 * channels > MostValues))
            throw new UserErrorException($"{path}: its input '{input.Name}' is {input.SizesText}: is a size damaged?");
    }

    /// <summary>Height and width of the images; null for any.</summary>
    private (int, int)? Size { get; }

    /// <exception cref="UserErrorException">The file is damaged, no classifier of images, or has an operator that is not
    /// supported.</exception>
    public static Classifier Load(Device device, string path, OnnxOptions options)
    {
        try
        {
            return new OnnxImport(path, options).Load(device);
        }
        catch (Exception e) when (e is ShapeException or OverflowException)
        {
            throw new UserErrorException($"{path}: {OneLine(e.Message)}", e);
        }
        // Names of a damaged file may hold anything.
        catch (UserErrorException e) when (e.Message.Any(char.IsControl))
        {
            throw new UserErrorException(OneLine(e.Message), e);
        }
    }

    private Classifier Load(Device device)
    {
        if (Ends.WithoutSoftmax(graph) is { } softmax)
            Note($"the {softmax} at its end is left off: attacks work on the logits before it");
        var (mean, std) = Normalization();
        graph.Exhaust(Ends.DropIdleDropout);
        OnnxSource source = new(file.Opset, [.. graph.Nodes], new Dictionary<string, OnnxConstant>(graph.Constants), images, graph.Output);
        Fusions.Apply(graph);
        foreach (string finding in OnnxFindings.Of(graph, images, options.StraightThrough))
            Note(finding);
        OnnxHead head = OnnxHead.Of(graph);
        OnnxGraphNetwork probed = OnnxGraphNetwork.Probed(Model(new ParameterSet(device, seed: null)), device, head,
            (input.Sizes![0], channels, Size));
        string by = file.Producer.Length > 0 ? $" by {file.Producer}" : "";
        ClassifierSpec spec = new($"ONNX{by}", channels, probed.Classes, mean, std)
        {
            ClassNames = ClassifierFile.Written(file.Metadata, path)?.ClassNames is { } names && names.Count == probed.Classes
                ? names
                : null,
        };
        return new(device, spec, (parameters, _) => probed.With(Model(parameters), source), seed: null)
        {
            Provenance = Provenance.Of(file.Metadata, path),
        };
    }

    private OnnxModel Model(ParameterSet parameters) =>
        new(path, file.Opset, new(graph.Nodes, graph.Constants, [], []), images, parameters, options.StraightThrough);

    private (float[] Mean, float[] Std) Normalization()
    {
        if (Ends.Normalization(graph, images, channels) is { } inside)
        {
            if (options.Normalization is { Mean.Length: > 0 })
                throw new UserErrorException($"{path}: has its input normalisation inside, {Text(inside)}, and takes no other one");
            Note($"input normalisation inside: {Text(inside)}");
            return inside;
        }
        var (mean, std) = options.Normalization ?? ([], []);
        if (mean.Length != 0 && mean.Length != channels)
        {
            throw new UserErrorException(
                $"{path}: the network takes images of {channels} channels, the input normalisation has {mean.Length}");
        }
        if (options.Normalization is null)
        {
            Note("no input normalisation inside: images go in as they are, in [0, 1]; where the accuracy is far too low, the network may "
                + "expect normalised ones (option normalize, such as imagenet)");
        }
        return (mean, std);
    }

    private static string Text((float[] Mean, float[] Std) values) =>
        $"mean {string.Join(", ", values.Mean)}; std {string.Join(", ", values.Std)}";

    /// <summary>The images: the only input.</summary>
    private OnnxPort Input()
    {
        if (file.Graph.Inputs is not [var only])
        {
            string names = string.Join(", ", file.Graph.Inputs.Select(port => port.Name));
            throw new UserErrorException($"{path}: one input is needed; it has {(names.Length == 0 ? "none" : names)}");
        }
        // float32, float16, double, bfloat16; all are computed in float32.
        if (only.Type is not (1 or 10 or 11 or 16))
            throw new UserErrorException($"{path}: its input '{only.Name}' is of type {only.Type} of onnx.proto, not a tensor of floats");
        return only.Sizes is { Length: 4 }
            ? only
            : throw new UserErrorException($"{path}: images [N, C, H, W] are needed, its input '{only.Name}' is {only.SizesText}");
    }

    /// <summary>The logits: the only output, the one of that name, or the only one that could be.</summary>
    private string Output()
    {
        List<OnnxPort> all = file.Graph.Outputs;
        if (all is [var only])
            return only.Name;
        OnnxPort[] rows = [.. all.Where(port => port.Sizes is { Length: 2 } sizes && sizes[1] != 1 && port.Type is 1 or 10 or 11 or 16)];
        OnnxPort? chosen = all.Find(port => port.Name == Logits) ?? (rows is [var row] ? row : null);
        string names = all.Count == 0 ? "none" : string.Join(", ", all.Select(port => $"{port.Name} {port.SizesText}"));
        if (chosen is null)
            throw new UserErrorException($"{path}: one output is needed, or one named {Logits}; it has {names}");
        Note($"of its outputs {names}, {chosen.Name} is taken for the logits");
        return chosen.Name;
    }

    private void Note(string finding) => options.Note?.Invoke(OneLine($"{path}: {finding}"));

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
