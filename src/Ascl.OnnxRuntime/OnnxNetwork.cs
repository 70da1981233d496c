using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Microsoft.ML.OnnxRuntime;

namespace Ascl.OnnxRuntime;

/// <summary>
/// A network in an ONNX file, run by ONNX Runtime on the CPU: logits only, no gradients, no latents (the logits stand in their place). One output of ONNX Runtime
/// may differ by rounding from another with the same weights where the batch or the number of threads differs; for the same of both it is the same bits.
/// </summary>
public sealed class OnnxNetwork : INetwork
{
    /// <summary>ONNX Runtime's own warnings, of missing GPUs for instance, are not for the terminal.</summary>
    private static readonly Lazy<OrtEnv> QuietEnvironment = new(() =>
    {
        EnvironmentCreationOptions options = new() { logId = "ascl", logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        return OrtEnv.CreateInstanceWithOptions(ref options);
    });

    private readonly InferenceSession session;
    private readonly string path, input, output;
    private readonly int classes;

    /// <summary>Images at a time that the file insists on; null for any.</summary>
    private readonly int? batch;

    private OnnxNetwork(string path, InferenceSession session)
    {
        (this.path, this.session) = (path, session);
        (input, int[] images) = Only("input", session.InputMetadata);
        (output, int[] logits) = Only("output", session.OutputMetadata, amongSeveral: "logits");
        if (images.Length != 4 || images[1] < 1)
            throw new UserErrorException($"{path}: images [N, C, H, W] of a known number of channels are needed, its input '{input}' is {Text(images)}");
        if (logits.Length != 2 || logits[1] < 2)
            throw new UserErrorException($"{path}: logits [N, classes] of a known number of classes are needed, its output '{output}' is {Text(logits)}");
        (Channels, classes) = (images[1], logits[1]);
        batch = images[0] > 0 ? images[0] : null;
        ImageSize = images[2] > 0 && images[3] > 0 ? (images[2], images[3]) : null;
    }

    public int Channels { get; }
    public int LatentSize => classes;
    public string HeadPrefix => "";
    public (int Height, int Width)? ImageSize { get; }
    public bool HasGradients => false;
    public bool RunsInPieces => false;

    /// <summary>The classifier in a file.</summary>
    /// <param name="device">Where images come from and logits go; ONNX Runtime takes as many threads. They run where the calling thread may run, so the device
    /// should not have fixed that to one core.</param>
    /// <param name="path">An ONNX file with one input [N, C, H, W] and one output [N, classes], both of float32.</param>
    /// <param name="normalization">Mean and standard deviation of an input layer before the file's own; null for none.</param>
    /// <exception cref="UserErrorException">The file is damaged, or not of such a model.</exception>
    public static Classifier Load(CpuDevice device, string path, (float[] Mean, float[] Std)? normalization = null)
    {
        OnnxNetwork network = new(path, Open(path, device.Threads));
        Dictionary<string, string> metadata = network.session.ModelMetadata.CustomMetadataMap;
        if (normalization is { Mean.Length: > 0 } && ClassifierFile.Written(metadata, path) is { Mean.Length: > 0 })
            throw new UserErrorException($"{path}: has its input normalisation inside, as ascl exported it: another one before it is not for it");
        var (mean, std) = normalization ?? ([], []);
        if (mean.Length != 0 && mean.Length != network.Channels)
            throw new UserErrorException($"{path}: the network takes images of {network.Channels} channels, the input normalisation has {mean.Length}");
        string by = network.session.ModelMetadata.ProducerName is { Length: > 0 } producer ? $" by {producer}" : "";
        ClassifierSpec spec = new($"ONNX{by}, ONNX Runtime {QuietEnvironment.Value.GetVersionString()}", network.Channels, network.classes, mean, std);
        return new(device, spec, (_, _) => network, seed: null) { Provenance = Provenance.Of(metadata, path) };
    }

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        if (x.RequiresGrad || mode != ForwardMode.Inference)
            throw new NotSupportedException($"{path}: ONNX Runtime gives logits only: no gradients, no training mode");
        int count = x.Shape[0], image = x.Shape.Length / count, piece = batch ?? count;
        float[] pixels = x.ToArray(), all = new float[count * classes];
        for (int first = 0; first < count; first += piece)
        {
            // The last piece of a fixed size is filled up with black images.
            int taken = Math.Min(piece, count - first);
            float[] part = new float[piece * image];
            pixels.AsSpan(first * image, taken * image).CopyTo(part);
            Run(part, [piece, .. x.Shape.Sizes[1..]]).AsSpan(0, taken * classes).CopyTo(all.AsSpan(first * classes));
        }
        if (all.Any(float.IsNaN))
            throw new UserErrorException($"{path}: its logits are not numbers (NaN)");
        Tensor logits = Tensor.Empty(x.Device, new(count, classes));
        logits.Data.CopyFrom(all);
        return new(logits, logits);
    }

    private float[] Run(float[] images, int[] shape)
    {
        try
        {
            using OrtValue given = OrtValue.CreateTensorValueFromMemory(images, [.. shape.Select(size => (long)size)]);
            using RunOptions options = new();
            using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, [input], [given], [output]);
            float[] logits = results[0].GetTensorDataAsSpan<float>().ToArray();
            return logits.Length == shape[0] * classes ? logits : throw new UserErrorException($"{path}: gives {logits.Length} logits for {shape[0]} images, not {classes} for each");
        }
        catch (OnnxRuntimeException e)
        {
            throw new UserErrorException($"{path}: ONNX Runtime cannot run it on images [{string.Join(", ", shape)}]: {e.Message}", e);
        }
    }

    private static InferenceSession Open(string path, int threads)
    {
        try
        {
            FileProblem.RequireContent(path);
            // ONNX Runtime's own message for this is long.
            using (File.OpenRead(path))
            {
            }
            QuietEnvironment.Value.DisableTelemetryEvents();
            // Threads that spin while they wait would take the cores from ours.
            using SessionOptions options = new() { IntraOpNumThreads = threads, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            return new InferenceSession(path, options);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
        catch (OnnxRuntimeException e)
        {
            throw new UserErrorException($"{path}: ONNX Runtime cannot load it: {e.Message}", e);
        }
        catch (Exception e) when (e is DllNotFoundException || e.InnerException is DllNotFoundException)
        {
            throw new UserErrorException($"{path}: needs ONNX Runtime's native library (libonnxruntime.so, onnxruntime.dll or libonnxruntime.dylib), which is not beside the program", e);
        }
    }

    /// <summary>The only one of the file's inputs or outputs, or that of a certain name among several.</summary>
    private (string Name, int[] Sizes) Only(string kind, IReadOnlyDictionary<string, NodeMetadata> all, string? amongSeveral = null)
    {
        string? name = all.Count == 1 ? all.Keys.First() : amongSeveral;
        if (name is null || !all.TryGetValue(name, out NodeMetadata? found))
            throw new UserErrorException($"{path}: one {kind} is needed{(amongSeveral is null ? "" : $", or one named {amongSeveral}")}; it has {(all.Count == 0 ? "none" : string.Join(", ", all.Keys))}");
        return found.IsTensor && found.ElementType == typeof(float)
            ? (name, found.Dimensions)
            : throw new UserErrorException($"{path}: its {kind} '{name}' is of {(found.IsTensor ? found.ElementType.Name : $"{found.OnnxValueType}")}, not a tensor of float32");
    }

    private static string Text(int[] sizes) => $"[{string.Join(", ", sizes.Select(size => size > 0 ? $"{size}" : "?"))}]";
}
