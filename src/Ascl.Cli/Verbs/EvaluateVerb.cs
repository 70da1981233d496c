using Ascl.Cli.Arguments;
using Ascl.Data;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("evaluate", HelpText = "Measures the clean and robust accuracy of trained weights.")]
[Example("The best checkpoint of a run, under PGD-20 on its own test images", "--weights runs/ascl-1")]
[Example("Weights from PyTorch (a state dict saved as safetensors) on CIFAR-10",
    "--weights resnet18.safetensors --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10")]
[Example("Auto-Attack on 1,000 images; stopped or killed, the same line goes on",
    "--weights runs/ascl-1 --attack autoattack --limit 1000 --out evaluations/ascl-1")]
[Example("Is that number honest? Signs of masked gradients and weak attacks", "--weights runs/ascl-1 --checks --twin runs/natural-1")]
[Example("How small a change turns each image: median, quantiles, accuracy by epsilon",
    "--weights runs/ascl-1 --minimal-epsilon --limit 1000 --out evaluations/minimal")]
[Example("A stronger attack, results as JSON too", "--weights runs/ascl-1 --steps 100 --restarts 5 --json result.json")]
[Example("Anybody's classifier as ONNX, [N, C, H, W] in [0, 1] to logits, by attacks without gradients",
    "--weights theirs.onnx --data cifar10:data/cifar-10-batches-bin --attack noise,square")]
[Example("Check the adversarial images of an evaluation once more, also rounded to 8 bits",
    "--weights runs/ascl-1 --replay evaluations/ascl-1/adversarial.safetensors")]
[OptionsFor(typeof(DataOptions), Section = "How the data are read")]
[OptionsFor(typeof(EvaluationSettings))]
public partial class EvaluateVerb : ComputingArguments, IVerb
{
    [Section("What is measured")]
    [Option("weights", MetaValue = "FILE|RUN", Required = true,
        HelpText = "A safetensors or ONNX file, or a run's folder: its best checkpoint.")]
    public string Weights { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {SettingTexts.Networks}; a run's folder knows its own.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME", HelpText = $"Its activation: {SettingTexts.Activations}; files of ascl know their own.")]
    public string? Activation { get; init; }

    [Option("data", MetaValue = "SPEC", HelpText = $"Test images: {SettingTexts.DataForms}; a run's folder knows its own.")]
    public string? Data { get; init; }

    [Option("ignore-class-names",
        HelpText = "Evaluate even where the weights name their classes otherwise than the data: class numbers are taken as they are.")]
    public bool IgnoreClassNames { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"Input normalisation: {SettingTexts.Normalizations}; a run's folder knows its own.")]
    public string? Normalize { get; init; }

    [Option("twin", MetaValue = "FILE|RUN",
        HelpText = "A naturally trained classifier of the same images, whose adversarial images the checks try too.")]
    public string? Twin { get; init; }

    [Section("Files")]
    [Option("out", MetaValue = "DIR",
        HelpText = "Folder for the adversarial images and the report. An evaluation that was stopped there goes on.")]
    public string? Out { get; init; }

    [Option("replay", MetaValue = "FILE", HelpText = "Attack nothing: check these adversarial images of an earlier evaluation again.")]
    public string? Replay { get; init; }

    [Option("json", MetaValue = "FILE", HelpText = "Write the results to this file too.")]
    public string? Json { get; init; }
}
