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
/// A network in an ONNX file, run by ONNX Runtime on the CPU. It has no gradients and no latents of its own
/// (<see cref="ModelOutput.Latent"/> is the logits). Logits may differ by rounding for another batch size or number of threads; for the
/// same of both they are identical.
/// </summary>
public sealed class OnnxNetwork : INetwork
{
    /// <summary>Suppresses ONNX Runtime's own warnings, of missing GPUs for instance. A process has one environment: a program that made it
    /// for sessions of its own keeps its settings.</summary>
    private static readonly Lazy<OrtEnv> QuietEnvironment = new(() =>
    {
        EnvironmentCreationOptions options = new() { logId = "ascl", logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        try
        {
            return OrtEnv.IsCreated ? OrtEnv.Instance() : OrtEnv.CreateInstanceWithOptions(ref options);
        }
        catch (OnnxRuntimeException) when (OrtEnv.IsCreated)
        {
            return OrtEnv.Instance();
        }
    });

    private readonly InferenceSession session;
    private readonly string path, input, output;
    private readonly int classes;

    /// <summary>Batch size that the file fixes; null for any.</summary>
    private readonly int? batch;

    private OnnxNetwork(string path, InferenceSession session)
    {
        (this.path, this.session) = (path, session);
        (input, int[] images) = Only("input", session.InputMetadata);
        (output, int[] logits) = Only("output", session.OutputMetadata, amongSeveral: "logits");
        if (images.Length != 4 || images[1] < 1)
        {
            throw new UserErrorException(
                $"{path}: images [N, C, H, W] of a known number of channels are needed, its input '{input}' is {Text(images)}");
        }
        if (logits.Length != 2 || logits[1] < 2)
        {
            throw new UserErrorException(
                $"{path}: logits [N, classes] of a known number of classes are needed, its output '{output}' is {Text(logits)}");
        }
        (Channels, classes) = (images[1], logits[1]);
        batch = images[0] > 0 ? images[0] : null;
        ImageSize = images[2] > 0 && images[3] > 0 ? (images[2], images[3]) : null;
    }

    /// <summary>Channels of the images.</summary>
    public int Channels { get; }

    /// <summary>The number of classes, because the logits stand for the latents.</summary>
    public int LatentSize => classes;

    /// <summary>Empty: there are no tensors.</summary>
    public string HeadPrefix => "";

    /// <inheritdoc/>
    public (int Height, int Width)? ImageSize { get; }

    /// <summary>False: ONNX Runtime computes forward passes only.</summary>
    public bool HasGradients => false;

    /// <summary>False: ONNX Runtime has threads of its own.</summary>
    public bool RunsInPieces => false;

    /// <summary>Loads a classifier from an ONNX file.</summary>
    /// <param name="device">Device of images and logits. ONNX Runtime gets the same number of threads; they inherit the calling thread's
    /// affinity, which must not be a single core.</param>
    /// <param name="path">An ONNX file with one float32 input [N, C, H, W] and one float32 output [N, classes], or one of several outputs
    /// named "logits".</param>
    /// <param name="normalization">Mean and standard deviation of each channel, for images in [0, 1], applied before the file's first
    /// layer; null for none.</param>
    /// <exception cref="UserErrorException">The file is damaged or not such a model, <paramref name="normalization"/> does not fit it, or
    /// ONNX Runtime's native library is missing.</exception>
    public static Classifier Load(CpuDevice device, string path, (float[] Mean, float[] Std)? normalization = null)
    {
        OnnxNetwork network = new(path, Open(path, device.Threads));
        Dictionary<string, string> metadata = network.session.ModelMetadata.CustomMetadataMap;
        if (normalization is { Mean.Length: > 0 } && ClassifierFile.Written(metadata, path) is { Mean.Length: > 0 })
            throw new UserErrorException($"{path}: has its input normalisation inside, as ascl exported it, and takes no other one");
        var (mean, std) = normalization ?? ([], []);
        if (mean.Length != 0 && mean.Length != network.Channels)
        {
            throw new UserErrorException(
                $"{path}: the network takes images of {network.Channels} channels, the input normalisation has {mean.Length}");
        }
        string by = network.session.ModelMetadata.ProducerName is { Length: > 0 } producer ? $" by {producer}" : "";
        string name = $"ONNX{by}, ONNX Runtime {QuietEnvironment.Value.GetVersionString()}";
        ClassifierSpec spec = new(name, network.Channels, network.classes, mean, std);
        return new(device, spec, (_, _) => network, seed: null) { Provenance = Provenance.Of(metadata, path) };
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Gradients or a training mode are asked for.</exception>
    /// <exception cref="UserErrorException">ONNX Runtime fails, or the logits are NaN.</exception>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        if (x.RequiresGrad || mode != ForwardMode.Inference)
            throw new NotSupportedException($"{path}: ONNX Runtime gives logits only: no gradients, no training mode");
        int count = x.Shape[0], image = x.Shape.Length / count, piece = batch ?? count;
        float[] pixels = x.ToArray(), all = new float[count * classes];
        for (int first = 0; first < count; first += piece)
        {
            // With a fixed batch size, the last batch is padded with black images.
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
            return logits.Length == shape[0] * classes
                ? logits
                : throw new UserErrorException($"{path}: gives {logits.Length} logits for {shape[0]} images, not {classes} for each");
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
            // Reports a file that cannot be opened in one line; ONNX Runtime's own message is long.
            using (File.OpenRead(path))
            {
            }
            QuietEnvironment.Value.DisableTelemetryEvents();
            using SessionOptions options = new()
            {
                IntraOpNumThreads = threads,
                InterOpNumThreads = 1,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
            };
            // Waiting threads that spin would take the cores from this program's threads.
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
            throw new UserErrorException(
                $"{path}: needs ONNX Runtime's native library (libonnxruntime.so, onnxruntime.dll or libonnxruntime.dylib), which is not "
                + "beside the program", e);
        }
    }

    /// <summary>The only input or output of the file, or the one named <paramref name="amongSeveral"/> if there are several.</summary>
    private (string Name, int[] Sizes) Only(string kind, IReadOnlyDictionary<string, NodeMetadata> all, string? amongSeveral = null)
    {
        string? name = all.Count == 1 ? all.Keys.First() : amongSeveral;
        if (name is null || !all.TryGetValue(name, out NodeMetadata? found))
        {
            throw new UserErrorException($"{path}: one {kind} is needed{(amongSeveral is null ? "" : $", or one named {amongSeveral}")}; "
                + $"it has {(all.Count == 0 ? "none" : string.Join(", ", all.Keys))}");
        }
        if (found.IsTensor && found.ElementType == typeof(float))
            return (name, found.Dimensions);
        string type = found.IsTensor ? found.ElementType.Name : $"{found.OnnxValueType}";
        throw new UserErrorException($"{path}: its {kind} '{name}' is of {type}, not a tensor of float32");
    }

    private static string Text(int[] sizes) => $"[{string.Join(", ", sizes.Select(size => size > 0 ? $"{size}" : "?"))}]";
}
