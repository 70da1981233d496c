using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("export", HelpText = "Writes a trained classifier as an ONNX model, for any other program: images in [0, 1] to logits.")]
[Example("The best checkpoint of a run", "--weights runs/ascl-1 --onnx model.onnx")]
[Example("Weights from PyTorch with the input normalisation that they were trained with",
    "--weights resnet18.safetensors --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10 --onnx model.onnx")]
internal sealed class ExportVerb : VerbArguments, IVerb
{
    [Option("weights", MetaValue = "FILE|RUN", Required = true, HelpText = "A safetensors file, or a run's folder: its best checkpoint.")]
    public string Weights { get; init; } = "";

    [Option("onnx", MetaValue = "FILE.onnx", Required = true, HelpText = "The file to write.")]
    public string Onnx { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {SettingTexts.Networks}; files of ascl know their own.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME", HelpText = $"Its activation: {SettingTexts.Activations}; files of ascl know their own.")]
    public string? Activation { get; init; }

    [Option("data", MetaValue = "SPEC",
        HelpText = $"Images that it is for: {SettingTexts.DataForms}. Their classes' names go into the file; a finished run knows them.")]
    public string? Data { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"Input normalisation: {SettingTexts.Normalizations}; files of ascl know their own.")]
    public string? Normalize { get; init; }

    public int Run(CancellationToken stop)
    {
        if (!OnnxFiles.IsOnnx(Onnx))
            throw new UserErrorException($"option --onnx: {Onnx} does not end in .onnx");
        if (Normalize is not null && Data is null && InputNormalization.NeedsData(Normalize))
            throw new UserErrorException($"export: --normalize {Normalize} is for certain images: name them with --data");
        AtomicFile.CheckWritable(Onnx);
        if (Directory.Exists(Weights))
            RunFolder.Open(Weights).RequireClassifier();
        string file = RunFolder.WeightsFile(Weights);
        Activation? activation = Activation is null ? null : NameText.Parse<Activation>("activation", Activation);
        using CpuDevice device = new(threads: 1);
        LoadOptions known = new() { Network = Model, Activation = activation };
        Classifier model = RunFolder.RequireClassifier(ClassifierFile.Load(device, file, known with { Note = Message.Print }), file);
        DataSet? data = Data is null
            ? null
            : ProgressDisplay.Run($"opening {Data}", display => DataSource.Open(Data, progress: new OpeningProgress(display, stop)));
        if (Normalize is not null)
            model = ClassifierFile.Load(device, file, known with
            {
                Normalization = data is null
                    ? InputNormalization.Of(Normalize, model.Spec.Channels, file)
                    : InputNormalization.Of(Normalize, data),
            });
        if (data is not null)
            ClassNames.Check(file, model.Spec.ClassNames, data.Name, data.ClassNames);
        IReadOnlyList<string> classes = data?.ClassNames ?? model.Spec.ClassNames ?? ClassesOfRun();
        if (classes.Count > 0 && classes.Count != model.Spec.Classes)
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, {data?.Name ?? Weights} has "
                + $"{classes.Count}");
        OnnxExport.Save(Onnx, model, classes);
        string size = model.ImageSize is { } fixedSize ? $"{fixedSize.Height}, {fixedSize.Width}" : "H, W";
        Console.WriteLine($"Wrote {Onnx}: {model.Spec.Network}, images [N, {model.Spec.Channels}, {size}] in [0, 1] to logits [N, "
            + $"{model.Spec.Classes}], {new FileInfo(Onnx).Length / 1e6:F1} MB.");
        return 0;
    }

    /// <summary>As the run's final evaluation names them; none where there is no run, or no such evaluation yet.</summary>
    private IReadOnlyList<string> ClassesOfRun() =>
        Directory.Exists(Weights) ? [.. (RunRecord.Read(Weights).Report?.Classes ?? []).Select(c => c.Name)] : [];
}
