using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Onnx;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("export", HelpText = "Exports a trained classifier to ONNX, for use in other programs. Input: images in [0, 1]. Output: logits.")]
[Example("The best checkpoint of a run", "--weights runs/ascl-1 --onnx model.onnx")]
[Example("Weights from PyTorch, with the input normalisation they were trained with",
    "--weights resnet18.pt --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10 --onnx model.onnx")]
internal sealed class ExportVerb : VerbArguments, IVerb
{
    [Option("weights", MetaValue = "FILE|RUN", Required = true,
        HelpText = "A PyTorch (.pt), safetensors or ONNX file, or the folder of a run (its best checkpoint). An ONNX file is "
            + "written again with its input normalisation, without softmax, as images [N, C, H, W] to logits.")]
    public string Weights { get; init; } = "";

    [Option("onnx", MetaValue = "FILE.onnx", Required = true, HelpText = "File to write.")]
    public string Onnx { get; init; } = "";

    [Option("model", MetaValue = "NAME",
        HelpText = $"Network: {SettingTexts.Networks}. Only for weights from elsewhere: files written by ascl name their network.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME",
        HelpText = $"Activation of the network: {SettingTexts.Activations}. Only for weights from elsewhere.")]
    public string? Activation { get; init; }

    [Option("data", MetaValue = "SPEC",
        HelpText = $"Data set to take the class names from, and --normalize auto: {SettingTexts.DataForms}. Not needed for weights "
            + "that ascl trained.")]
    public string? Data { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"Input normalisation: {SettingTexts.Normalizations}. Default: as stored in the file.")]
    public string? Normalize { get; init; }

    public int Run(CancellationToken stop)
    {
        if (!OnnxFiles.IsOnnx(Onnx))
            throw new UserErrorException($"option --onnx: {Onnx} does not end in .onnx");
        if (Normalize is not null && Data is null && InputNormalization.NeedsData(Normalize))
            throw new UserErrorException($"export: --normalize {Normalize} is computed from a data set: give it with --data SPEC");
        AtomicFile.CheckWritable(Onnx);
        if (Directory.Exists(Weights))
            RunFolder.Open(Weights).RequireClassifier();
        string file = RunFolder.WeightsFile(Weights);
        ClassifierChoice choice = new(file, Model, Activation);
        using CpuDevice device = new(threads: 1);
        Classifier model = choice.Load(device, note: Message.Print);
        DataSet? data = Data is null
            ? null
            : OpeningProgress.Open(Data, reading: null, stop);
        if (Normalize is not null)
            model = choice.Load(device, data is null
                ? InputNormalization.Of(Normalize, model.Spec.Channels, file)
                : InputNormalization.Of(Normalize, data));
        if (data is not null)
            ClassNames.Check(file, model.Spec.ClassNames, data.Name, data.ClassNames);
        IReadOnlyList<string> classes = data?.ClassNames ?? model.Spec.ClassNames ?? ClassesOfRun();
        if (classes.Count > 0 && classes.Count != model.Spec.Classes)
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, but {data?.Name ?? Weights} has "
                + $"{classes.Count}");
        OnnxExport.Save(Onnx, model, classes);
        string size = model.ImageSize is { } fixedSize ? $"{fixedSize.Height}, {fixedSize.Width}" : "H, W";
        Console.WriteLine($"Wrote {Onnx}: {model.Spec.Network}, images [N, {model.Spec.Channels}, {size}] in [0, 1] to logits [N, "
            + $"{model.Spec.Classes}], {new FileInfo(Onnx).Length / 1e6:F1} MB.");
        return 0;
    }

    /// <summary>Class names in the final report of the run; empty if the weights are not a run's folder, or have no report yet.</summary>
    private IReadOnlyList<string> ClassesOfRun() =>
        Directory.Exists(Weights) ? [.. (RunRecord.Read(Weights).Report?.Classes ?? []).Select(c => c.Name)] : [];
}
