using Ascl.Cli.Arguments;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("evaluate", HelpText = "Measures the clean and robust accuracy of trained weights.")]
[Example("The best checkpoint of a run, under PGD-20 on its own test images", "--weights runs/ascl-1")]
[Example("Weights from PyTorch (a state dict saved as safetensors) on CIFAR-10", "--weights resnet18.safetensors --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10")]
[Example("A stronger attack on 1,000 images, results as JSON too", "--weights runs/ascl-1 --limit 1000 --steps 100 --restarts 5 --json result.json")]
internal sealed class EvaluateVerb : RandomArguments
{
    [Section("What is measured")]
    [Option("weights", MetaValue = "FILE|RUN", Required = true, HelpText = "A safetensors file, or a run's folder: its best checkpoint.")]
    public string Weights { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {VerbTexts.Networks}; a run's folder knows its own.")]
    public string? Model { get; init; }

    [Option("data", MetaValue = "SPEC", HelpText = $"Test images: {VerbTexts.DataForms}; a run's folder knows its own.")]
    public string? Data { get; init; }

    [Option("limit", MetaValue = "N", HelpText = "Use only the first N test images.")]
    public int? Limit { get; init; }

    [Option("normalize", MetaValue = "NAME", HelpText = $"Input normalisation: {VerbTexts.Normalizations}; a run's folder knows its own.")]
    public string? Normalize { get; init; }

    [Section("Attack")]
    [Option("attack", MetaValue = "NAMES", HelpText = "fgsm, pgd, or both: fgsm,pgd.")]
    public string Attack { get; init; } = "pgd";

    [Option("epsilon", MetaValue = "E", HelpText = "Largest change of an image, of pixels in [0, 1].")]
    public Fraction Epsilon { get; init; } = new("8/255");

    [Option("step-size", MetaValue = "A", HelpText = "Length of one step of PGD.")]
    public Fraction StepSize { get; init; } = new("2/255");

    [Option("steps", MetaValue = "N", HelpText = "Steps of PGD.")]
    public int Steps { get; init; } = 20;

    [Option("restarts", MetaValue = "N", HelpText = "Random starts of PGD; an image counts as robust if it survives all.")]
    public int Restarts { get; init; } = 1;

    [Option("norm", MetaValue = "NORM", HelpText = "What epsilon measures: linf (each pixel) or l2 (the whole image).")]
    public string Norm { get; init; } = "linf";

    [Section("Run")]
    [Option("batch", MetaValue = "N", HelpText = "Images at a time; the results do not depend on it.")]
    public int Batch { get; init; } = 128;

    [Option("json", MetaValue = "FILE", HelpText = "Write the results to this file too.")]
    public string? Json { get; init; }
}
