using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.OnnxRuntime;
using Ascl.Robustness.Runs;

namespace Ascl.Cli.Arguments;

/// <summary>The classifier that --weights, --model and --activation name.</summary>
/// <param name="File">A safetensors or ONNX file.</param>
/// <param name="Network">Name of the network; null if the file names it.</param>
/// <param name="Activation">Name of the activation; null if the file names it.</param>
/// <param name="OnnxRuntime">Whether ONNX Runtime computes an ONNX file, without gradients.</param>
/// <param name="StraightThrough">Whether nodes of an ONNX file that have no gradient pass it on.</param>
internal sealed record ClassifierChoice(
    string File, string? Network = null, string? Activation = null, bool OnnxRuntime = false, bool StraightThrough = false)
{
    /// <param name="device">Device to compute on; the CPU for ONNX Runtime.</param>
    /// <param name="normalization">Input normalisation; null for the file's own.</param>
    /// <param name="note">Called with remarks about the weights, a line each; null for nobody.</param>
    /// <exception cref="UserErrorException">The file cannot be read, does not fit the options, or holds an encoder without a
    /// classifier.</exception>
    public Classifier Load(Device device, (float[] Mean, float[] Std)? normalization = null, Action<string>? note = null)
    {
        bool isOnnx = OnnxFiles.IsOnnx(File);
        if (!isOnnx && (OnnxRuntime || StraightThrough))
            throw new UserErrorException($"{File}: --onnx-runtime and --straight-through are for ONNX files");
        if (OnnxRuntime && StraightThrough)
            throw new UserErrorException($"{File}: --straight-through is for gradients, which ONNX Runtime does not have");
        if (!isOnnx)
            return RunFolder.RequireClassifier(ClassifierFile.Load(device, File, new()
            {
                Network = Network,
                Normalization = normalization,
                Activation = Activation is null ? null : NameText.Parse<Activation>("activation", Activation),
                Note = note,
            }), File);
        if (Network is not null || Activation is not null)
            throw new UserErrorException($"{File}: an ONNX file contains the whole network: --model and --activation cannot be "
                + "given with it");
        return OnnxRuntime
            ? OnnxNetwork.Load((CpuDevice)device, File, normalization)
            : Classifier.FromOnnx(device, File, new() { Normalization = normalization, StraightThrough = StraightThrough, Note = note });
    }
}
