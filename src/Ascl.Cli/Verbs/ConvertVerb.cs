using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("convert", HelpText = "Writes weights in another format: PyTorch checkpoints (.pt, .pth), safetensors, NumPy archives (.npz) to "
    + ".safetensors, .pt or .onnx. Nothing in a PyTorch file is executed.")]
[Example("A PyTorch checkpoint to safetensors", "checkpoint.pt weights.safetensors")]
[Example("The averaged weights of a training checkpoint to a state dict for torch.load", "checkpoint.pth#ema weights.pt")]
[Example("A run's best weights to a state dict for torch.load", "runs/ascl-1/best.safetensors weights.pt")]
[Example("A PyTorch checkpoint to ONNX", "checkpoint.pt model.onnx --model wrn-28-10")]
internal sealed class ConvertVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "FILE[#SET]", Required = true,
        HelpText = "File to read, and the part of its tensors whose names begin with SET (left off in what is written). Default: all.")]
    public string Input { get; init; } = "";

    [Value(1, MetaName = "FILE", Required = true, HelpText = "File to write; its extension tells the format.")]
    public string Output { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"For .onnx: the network, {SettingTexts.Networks}, where the file does not name it.")]
    public string? Model { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"For .onnx: input normalisation, {SettingTexts.Normalizations}. Default: as stored in the file.")]
    public string? Normalize { get; init; }

    public int Run(CancellationToken stop)
    {
        if (OnnxFiles.IsOnnx(Output))
            return new ExportVerb { Weights = Input, Onnx = Output, Model = Model, Normalize = Normalize }.Run(stop);
        if (Model is not null || Normalize is not null)
            throw new UserErrorException($"convert: --model and --normalize are for .onnx, {Output} holds tensors only");
        TensorConversion.CheckTarget(Output);
        WeightPath path = WeightPath.Parse(Input);
        if (Path.GetFullPath(path.File) == Path.GetFullPath(Output))
            throw new UserErrorException($"convert: {Output} is the file to read, too");
        using TensorFile file = TensorFile.Open(path.File);
        string prefix = string.IsNullOrEmpty(path.Set) ? "" : $"{path.Set}.";
        var (written, leftOut) = TensorConversion.Convert(file, prefix, Output);
        if (leftOut.Count > 0)
            Message.Print($"{path.File}: {leftOut.Count} tensors are left out, such as '{leftOut[0]}', {file.Describe(leftOut[0])}");
        Console.WriteLine($"Wrote {Output}: {written} tensors, {new FileInfo(Output).Length / 1e6:F1} MB.");
        return 0;
    }
}
