using Ascl.Cli.Arguments;
using Ascl.Robustness.Training;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("evaluate", HelpText = "Measures the clean and robust accuracy of trained weights.")]
[Example("The best checkpoint of a run, under PGD-20 on its own test images", "--weights runs/ascl-1")]
[Example("Weights from PyTorch (a state dict saved as safetensors) on CIFAR-10", "--weights resnet18.safetensors --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10")]
[Example("Auto-Attack on 1,000 images; stopped or killed, the same line goes on", "--weights runs/ascl-1 --attack autoattack --limit 1000 --out evaluations/ascl-1")]
[Example("Is that number honest? Signs of masked gradients and weak attacks", "--weights runs/ascl-1 --checks --twin runs/natural-1")]
[Example("How small a change turns each image: median, quantiles, accuracy by epsilon", "--weights runs/ascl-1 --minimal-epsilon --limit 1000 --out evaluations/minimal")]
[Example("A stronger attack, results as JSON too", "--weights runs/ascl-1 --steps 100 --restarts 5 --json result.json")]
[Example("Anybody's classifier as ONNX, [N, C, H, W] in [0, 1] to logits, by attacks without gradients", "--weights theirs.onnx --data cifar10:data/cifar-10-batches-bin --attack noise,square")]
[Example("Check the adversarial images of an evaluation once more, also rounded to 8 bits", "--weights runs/ascl-1 --replay evaluations/ascl-1/adversarial.safetensors")]
internal sealed partial class EvaluateVerb : RandomArguments, IVerb
{
    [Section("What is measured")]
    [Option("weights", MetaValue = "FILE|RUN", Required = true, HelpText = "A safetensors or ONNX file, or a run's folder: its best checkpoint.")]
    public string Weights { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {SettingTexts.Networks}; a run's folder knows its own.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME", HelpText = $"Its activation: {SettingTexts.Activations}; files of ascl know their own.")]
    public string? Activation { get; init; }

    [Option("data", MetaValue = "SPEC", HelpText = $"Test images: {SettingTexts.DataForms}; a run's folder knows its own.")]
    public string? Data { get; init; }

    [Option("limit", MetaValue = "N", HelpText = "Use only the first N test images.")]
    public int? Limit { get; init; }

    [Option("resize", MetaValue = "N", HelpText = SettingTexts.Resize + VerbTexts.OfRun)]
    public int? Resize { get; init; }

    [Option("crop", MetaValue = "N", HelpText = SettingTexts.Crop + VerbTexts.OfRun)]
    public int? Crop { get; init; }

    [Option("test-share", MetaValue = "SHARE", HelpText = SettingTexts.TestShare + VerbTexts.OfRun)]
    public Fraction? TestShare { get; init; }

    [Option("allow-empty-classes", HelpText = SettingTexts.AllowEmptyClasses)]
    public bool AllowEmptyClasses { get; init; }

    [Option("ignore-class-names", HelpText = "Evaluate even where the weights name their classes otherwise than the data: class numbers are taken as they are.")]
    public bool IgnoreClassNames { get; init; }

    [Option("normalize", MetaValue = "NAME", HelpText = $"Input normalisation: {SettingTexts.Normalizations}; a run's folder knows its own.")]
    public string? Normalize { get; init; }

    [Section("Attack")]
    [Option("attack", MetaValue = "NAMES", HelpText = "Attacks in turn, such as fgsm,pgd: noise, fgsm, pgd, pgd-margin, pgd-dlr, pgd-kl, multi-targeted, apgd-ce, apgd-dlr, apgd-t, fab, fab-t, brendel-bethge, square, or Auto-Attack: autoattack (apgd-ce,apgd-t,fab-t,square), autoattack-plus (more attacks and starts), autoattack-rand (for random networks).")]
    public string Attack { get; init; } = "pgd";

    [Option("norm", MetaValue = "NORM", HelpText = SettingTexts.Norm + " By default what the weights were trained against, where they say so, else linf.")]
    public string? Norm { get; init; }

    [Option("epsilon", MetaValue = "E", HelpText = SettingTexts.Epsilon + " By default what the weights were trained against in this norm, else 8/255 in linf and 0.5 in l2.")]
    public Fraction? Epsilon { get; init; }

    [Option("step-size", MetaValue = "A", HelpText = "Length of one step of PGD and Multi-Targeted. " + SettingTexts.StepSize)]
    public Fraction? StepSize { get; init; }

    [Option("steps", MetaValue = "N", HelpText = "Steps of PGD, 20 by default.")]
    public int? Steps { get; init; }

    [Option("restarts", MetaValue = "N", HelpText = "Random starts of PGD; an image counts as robust if it survives all. 1 by default.")]
    public int? Restarts { get; init; }

    [Option("queries", MetaValue = "N", HelpText = "Queries of Square for each image, 5000 by default.")]
    public int? Queries { get; init; }

    [Option("epsilons", MetaValue = "E,E", HelpText = "Measure the same attacks within these ε too: a curve. A given step size keeps its share of ε.")]
    public string? Epsilons { get; init; }

    [Option("minimal-epsilon", HelpText = "Look too for the smallest change that turns each image, without a limit: FAB-T and, in linf, Brendel & Bethge.")]
    public bool MinimalEpsilon { get; init; }

    [Option("each", HelpText = "Try each attack on every image that is right, not only on what the attacks before it have left.")]
    public bool Each { get; init; }

    [Section("Is it honest?")]
    [Option("checks", HelpText = "Look for signs of false robustness too: gradients that vanish, more steps or stronger attacks that still help, attacks without gradients that do better, and others.")]
    public bool Checks { get; init; }

    [Option("check-images", MetaValue = "N", HelpText = "Test images that the checks look at, the first 200 by default.")]
    public int? CheckImages { get; init; }

    [Option("twin", MetaValue = "FILE|RUN", HelpText = "A naturally trained classifier of the same images, whose adversarial images the checks try too.")]
    public string? Twin { get; init; }

    [Section("Run")]
    [Option("batch", MetaValue = "N", HelpText = "Images at a time; the results do not depend on it.")]
    public int Batch { get; init; } = 128;

    [Option("out", MetaValue = "DIR", HelpText = "Folder for the adversarial images and the report. An evaluation that was stopped there goes on.")]
    public string? Out { get; init; }

    [Option("replay", MetaValue = "FILE", HelpText = "Attack nothing: check these adversarial images of an earlier evaluation again.")]
    public string? Replay { get; init; }

    [Option("json", MetaValue = "FILE", HelpText = "Write the results to this file too.")]
    public string? Json { get; init; }
}
